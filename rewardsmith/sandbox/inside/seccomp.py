"""A seccomp filter that allows only the system calls that computing needs, without libseccomp.

Everything not listed is refused with EPERM, so a missing entry shows as a refusal and never as a
hole. Memory can be
mapped, but nothing that is mapped can be made executable. Sources: seccomp(2), linux/filter.h,
linux/audit.h.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from typing import NamedTuple

_READ_AND_ANSWER = ("read", "write", "setitimer", "close", "getppid")
_MEMORY = ("munmap", "brk", "mremap", "madvise")
_RUNTIME = (  # what the C library and the interpreter call on their own, and how a process ends
    *(
        "futex",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "sigaltstack",
        "restart_syscall",
        "sched_yield",
    ),
    *(
        "clock_gettime",
        "gettimeofday",
        "clock_nanosleep",
        "nanosleep",
        "getrandom",
        "getrusage",
        "getpid",
        "gettid",
    ),
    *("rseq", "membarrier", "exit", "exit_group"),
)
_NOT_EXECUTABLE = ("mmap", "mprotect")
ALLOWED = (*_READ_AND_ANSWER, *_MEMORY, *_RUNTIME)


class Architecture(NamedTuple):
    """A machine for the filter: its audit number, and its numbers of the allowed calls."""

    audit: int
    numbers: dict[str, int]


def _numbers(text: str) -> dict[str, int]:
    words = text.split()
    return {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}


ARCHITECTURES = {
    "x86_64": Architecture(
        0xC000003E,
        _numbers(
            "read 0 write 1 close 3 mmap 9 mprotect 10 munmap 11 brk 12 rt_sigaction 13 "
            "rt_sigprocmask 14 rt_sigreturn 15 sched_yield 24 mremap 25 madvise 28 nanosleep 35 "
            "setitimer 38 getpid 39 exit 60 gettimeofday 96 getrusage 98 getppid 110 "
            "sigaltstack 131 gettid 186 futex 202 restart_syscall 219 clock_gettime 228 "
            "clock_nanosleep 230 exit_group 231 getrandom 318 membarrier 324 rseq 334"
        ),
    ),
    "aarch64": Architecture(
        0xC00000B7,
        _numbers(
            "close 57 read 63 write 64 exit 93 exit_group 94 futex 98 nanosleep 101 setitimer 103 "
            "clock_gettime 113 clock_nanosleep 115 sched_yield 124 restart_syscall 128 "
            "sigaltstack 132 rt_sigaction 134 rt_sigprocmask 135 rt_sigreturn 139 getrusage 165 "
            "gettimeofday 169 getpid 172 getppid 173 gettid 178 brk 214 munmap 215 mremap 216 "
            "mmap 222 mprotect 226 madvise 233 "
            "getrandom 278 membarrier 283 rseq 293"
        ),
    ),
}

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = (
    0x20,
    0x15,
    0x35,
    0x45,
    0x06,
)  # BPF_LD|W|ABS, BPF_JMP|…|K, BPF_RET|K
_NUMBER, _AUDIT, _THIRD_ARGUMENT = 0, 4, 32  # offsets in struct seccomp_data, little-endian
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_X32 = 0x40000000  # calls of the x32 interface share x86-64's audit number
_PROT_EXEC = 4
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def build(architecture: Architecture) -> bytes:
    """The filter as an array of ``struct sock_filter``."""
    numbers = architecture.numbers
    rules = [
        (_LOAD, 0, 0, _AUDIT),
        (_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
    ]
    for name in ALLOWED:
        rules += [(_EQUAL, 0, 1, numbers[name]), (_RETURN, 0, 0, _ALLOW)]
    for name in _NOT_EXECUTABLE:
        rules += [
            (_EQUAL, 0, 4, numbers[name]),
            (_LOAD, 0, 0, _THIRD_ARGUMENT),
            (_ANY_BIT, 0, 1, _PROT_EXEC),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    rules.append((_RETURN, 0, 0, _REFUSE))
    return b"".join(struct.pack("<HBBI", *rule) for rule in rules)


def install() -> bool:
    """Confine this thread from now on; ``no_new_privs`` must be set. Whether the kernel did it."""
    architecture = ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        return False
    code = build(architecture)
    instructions = ctypes.create_string_buffer(code, len(code))
    program = struct.pack(
        "@HP", len(code) // 8, ctypes.addressof(instructions)
    )  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(program), 0, 0) == 0)
