"""Keeps a process that trains or measures to its own folder: it may read everything and write only there.

It runs no generated code, so this is a second line: whatever goes wrong in an environment, a
library or a numpy of a trainer, the programs, verdicts, scores and log of the run, which the engine
writes, are out of its reach.
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
_OWN = Path(
    "/proc/self"
)  # names of threads; all of /proc would hold settings of the kernel, which root may change


@contextmanager
def kept_to(folder: Path, others: Iterable[Path] = ()) -> Iterator[bool]:
    """From here on, for good, this thread may write only below a folder; in it lies its temporary folder.

    Args:
        folder: is made if it does not exist.
        others: further folders, e.g. the cache of an environment; made if they do not exist, since
            a place that does not exist cannot be allowed.

    Yields:
        Whether the kernel holds it to that.
    """
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    further = list(others)
    for place in further:
        with suppress(OSError):  # a file, or where nothing can be made: who writes there is told
            place.mkdir(parents=True, exist_ok=True)
    try:
        yield landlock.write_only_below([folder, *further, _OWN, *_devices(Path("/dev"))])
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _devices(folder: Path) -> Iterator[Path]:
    """What libraries write to among the devices: never a disk."""
    yield from (folder / name for name in _DEVICES)
    for pattern in _GPUS:
        yield from folder.glob(pattern)


def refused_outside(error: BaseException, folder: Path) -> str | None:
    """The path that could not be written because it lies outside the folder, if that is what an error comes from.

    What its mode refuses as well was no matter of the folder: the error does not tell whether it
    was to be read.
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
