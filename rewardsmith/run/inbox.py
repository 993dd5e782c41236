"""Comments of the user for a run that another process carries out.

Only the process that holds the lock appends to the event log. Others leave a file in the folder
``inbox`` of the run, which that process takes between two waves.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from rewardsmith.run.events import Commented
from rewardsmith.run.folder import RunFolder, write_whole

_SUFFIX = ".json"


def leave_comment(run: RunFolder, comment: Commented) -> None:
    """Leave a comment for the process that carries out the run.

    Raises:
        RunError: the disk is full or read-only.
    """
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}{_SUFFIX}"
    write_whole(_inbox(run) / name, comment.model_dump_json() + "\n")


def left_comments(run: RunFolder) -> Iterator[tuple[Path, Commented]]:
    """The comments that were left, the oldest first, with their files.

    A file is deleted after its event is in the log.
    """
    for path in sorted(_inbox(run).glob(f"[!.]*{_SUFFIX}")):
        yield path, Commented.model_validate_json(path.read_text(encoding="utf-8"))


def _inbox(run: RunFolder) -> Path:
    return run.path / "inbox"
