"""Removes from this process the rights that a program does not need, layer by layer, for good.

    landlock    no file, no TCP, no signal to others
    limits      rlimits: address space, no new files, no file growth, no processes, no core
    user        a process of root becomes ``nobody`` and loses its capabilities
    seccomp     no system call but two dozen: no open, no socket, no fork, no exec, no executable
    memory

Each layer is applied where it exists, and the active layers are returned. :mod:`attacks` tests
whether they really hold.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Collection
from contextlib import suppress

from rewardsmith.sandbox.inside import landlock, seccomp

LAYERS = ("landlock", "limits", "user", "seccomp")
_NOBODY = 65534
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


def confine(memory_mb: int, layers: Collection[str] = LAYERS) -> tuple[str, ...]:
    """Confine this thread; return the active layers."""
    held = []
    privileges_given_up = landlock.no_new_privileges()
    if (
        "landlock" in layers and privileges_given_up and landlock.deny_all()
    ):  # before limits: it needs a file number
        held.append("landlock")
    if "limits" in layers:
        _limit(memory_mb)
        held.append("limits")
    if "user" in layers and _drop_privileges():
        held.append("user")
    _end_with_parent()  # after the change of user, which resets it
    if "seccomp" in layers and privileges_given_up and seccomp.install():
        held.append("seccomp")
    return tuple(held)


def _limit(memory_mb: int) -> None:
    """Set resource limits; those that the platform lacks are skipped."""
    wanted = {
        "AS": memory_mb << 20,
        "NOFILE": 0,
        "FSIZE": 0,
        "CORE": 0,
        "NPROC": 0,
        "MEMLOCK": 0,
        "MSGQUEUE": 0,
    }
    for name, value in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (value, value))


def _drop_privileges() -> bool:
    """Drop all privileges; where only one user exists, it stays a root without capabilities."""
    if os.geteuid() == 0 and hasattr(os, "setresuid"):
        with suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    if sys.platform != "linux":
        return os.geteuid() == _NOBODY
    header, nothing = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
    return bool(ctypes.CDLL(None).capset(ctypes.c_char_p(header), ctypes.c_char_p(nothing)) == 0)


def _end_with_parent() -> None:
    """On Linux, end this process with its parent, and deny access to it from other processes."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
