"""Keeps a process that trains or measures to its own folder: it may read everything and write only there.

It runs no generated code, so this is a second line: whatever goes wrong in an environment, a library or a numpy of a
trainer, the programs, verdicts, scores and log of the run, which the engine writes, are out of its reach.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rewardsmith.sandbox import landlock

_DEVICES = (Path("/dev"), Path("/proc"))  # null, shared memory, a GPU; names of threads


@contextmanager
def kept_to(folder: Path, others: Iterable[Path] = ()) -> Iterator[bool]:
    """From here on, for good, this thread may write only below a folder; in it lies its temporary folder.

    Args:
        folder: is made if it does not exist.
        others: further places, e.g. the cache of an environment.

    Yields:
        Whether the kernel holds it to that.
    """
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    try:
        yield landlock.write_only_below([folder, *others, *_DEVICES])
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refused_outside(error: BaseException, folder: Path) -> str | None:
    """The path that could not be written because it lies outside the folder, if that is what an error comes from."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, PermissionError) and isinstance(chain.filename, str):
            path = Path(chain.filename)
            if not path.resolve().is_relative_to(folder.resolve()):
                return str(path)
        chain = chain.__cause__ or chain.__context__
    return None
