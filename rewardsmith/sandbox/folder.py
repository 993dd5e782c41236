"""Lets a process that trains or evaluates read everything but write only to its own folder.

Such a process runs no generated code, so this is a second line of defence: no fault of an
environment or a library can change the programs, verdicts, scores and log of the run, which the
engine writes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rewardsmith.sandbox.inside import landlock

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "shm")
_GPUS = (
    "nvidia*",
    "nvhost*",
    "nvmap",
    "dri",
    "kfd",
    "dxg",
)  # NVIDIA, its small boards, Mesa, AMD, Windows
_OWN = Path("/proc/self")  # names of threads; the rest of /proc contains settings of the kernel


@contextmanager
def kept_to(folder: Path, others: Iterable[Path] = ()) -> Iterator[bool]:
    """Let this thread, from now on, write only below a folder, which contains its temporary folder.

    Args:
        folder: created if it does not exist.
        others: further folders, e.g. the cache of an environment; created if they do not exist,
            since the kernel needs existing folders.

    Yields:
        Whether the kernel enforces it.
    """
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    further = list(others)
    for place in further:
        with suppress(OSError):  # a write there will raise
            place.mkdir(parents=True, exist_ok=True)
    try:
        yield landlock.write_only_below([folder, *further, _OWN, *_devices(Path("/dev"))])
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _devices(folder: Path) -> Iterator[Path]:
    """Devices that libraries write to; never a disk."""
    yield from (folder / name for name in _DEVICES)
    for pattern in _GPUS:
        yield from folder.glob(pattern)


def refused_outside(error: BaseException, folder: Path) -> str | None:
    """The path that an error refused to write because it lies outside the folder; else None.

    A path that its file mode refuses too does not count.
    """
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, PermissionError) and isinstance(chain.filename, str):
            path = Path(chain.filename)
            place = path if path.exists() else path.parent
            if not path.resolve().is_relative_to(folder.resolve()) and os.access(place, os.W_OK):
                return str(path)
        chain = chain.__cause__ or chain.__context__
    return None
