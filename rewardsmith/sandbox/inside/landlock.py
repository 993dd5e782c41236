"""Landlock: denies a process the file system, TCP and signals; needs no privileges.

It has two uses: a program host may access no file; a trainer may write only below its own folder.
Rights that the running kernel does not know are left out. Source: landlock(7).
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_EVERY_FILE_RIGHT = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # ABI -> how many rights there are
_READ_FILE, _READ_DIR, _EXECUTE, _IOCTL = 1 << 2, 1 << 3, 1 << 0, 1 << 15
_READING = _READ_FILE | _READ_DIR | _EXECUTE | _IOCTL
_ON_FILES = (
    _EXECUTE | 1 << 1 | _READ_FILE | 1 << 14 | _IOCTL
)  # rights that a rule for a file may name
_TCP, _SIGNALS_AND_SOCKETS = 0b11, 0b11
_PR_SET_NO_NEW_PRIVS = 38


def version() -> int:
    """The kernel's Landlock ABI; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)))


def deny_all() -> bool:
    """Deny this thread files, TCP and signals to others; whether the kernel did it."""
    abi = version()
    return abi > 0 and _restrict(_rights(abi), net=_TCP, scoped=_SIGNALS_AND_SOCKETS, abi=abi)


def write_only_below(places: Iterable[Path]) -> bool:
    """Let this thread and its children read everything but write only below some places.

    Args:
        places: files or folders; those that do not exist are left out.
    """
    abi = version()
    if abi == 0 or not no_new_privileges():
        return False
    return _restrict(_rights(abi) & ~_READING, abi=abi, places=tuple(places))


def no_new_privileges() -> bool:
    """Give up gaining privileges by exec, for good; Landlock and seccomp require it."""
    return sys.platform == "linux" and bool(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def _rights(abi: int) -> int:
    return (1 << _EVERY_FILE_RIGHT[min(abi, 5)]) - 1


def _restrict(
    files: int, *, abi: int, net: int = 0, scoped: int = 0, places: tuple[Path, ...] = ()
) -> bool:
    attributes = struct.pack("@QQQ", files, net, scoped)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = _libc().syscall(
        _CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), 0
    )
    if ruleset < 0:
        return False
    try:
        for place in places:
            _allow(ruleset, place, files)
        return bool(_libc().syscall(_RESTRICT, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, place: Path, rights: int) -> None:
    with suppress(OSError):
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            allowed = rights if place.is_dir() else rights & _ON_FILES
            rule = struct.pack(
                "=Qi", allowed, opened
            )  # struct landlock_path_beneath_attr is packed
            _libc().syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.c_char_p(rule), 0)
        finally:
            os.close(opened)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
