"""The lock of a run: one process at a time may write it.

It is a lock of the operating system and ends with its process, so a killed run leaves none behind.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rewardsmith.errors import RunError
from rewardsmith.journal import disk_error

_LOCK = "lock"


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Take the lock of a run.

    Raises:
        RunError: another process has it, or the folder cannot be written.
    """
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise disk_error(folder, error) from None
    try:
        if not _take(descriptor):
            holder = (
                os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "another process"
            )
            raise RunError(f"{folder.name} is in use by process {holder}", "wait for it, or end it")
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:  # the disk is full
            raise disk_error(folder, error) from None
        yield
    finally:
        os.close(descriptor)


def in_use(folder: Path) -> bool:
    """Whether a process is writing the run now."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(descriptor)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    """Whether the lock on an open file could be taken."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
