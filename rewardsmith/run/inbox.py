"""What the user says of a run that another process carries out.

Only the process that holds the lock appends to the event log. Others leave a file in the folder
``inbox`` of the run, which that process takes between two waves.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from rewardsmith.run.folder import RunFolder, write_whole
from rewardsmith.run.state import RunState
from rewardsmith.run.user_events import Commented, Judged

_SUFFIX, _DAMAGED = ".json", ".damaged"
_KINDS: dict[str, type[Commented | Judged]] = {one.kind: one for one in (Commented, Judged)}


def say_to(run: RunFolder, event: Commented | Judged) -> None:
    """Record what the user said, or leave it for the process that carries out the run.

    Raises:
        RunError: the disk is full or read-only.
    """
    if run.in_use:
        leave(run, event)
        return
    with run.lock():
        run.events().append(event)


def leave(run: RunFolder, event: Commented | Judged) -> None:
    """Leave what the user said for the process that carries out the run.

    Raises:
        RunError: the disk is full or read-only.
    """
    name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}{_SUFFIX}"
    content = {"kind": event.kind, **event.model_dump(mode="json")}
    write_whole(_inbox(run) / name, json.dumps(content) + "\n")


def is_known(event: Commented | Judged, state: RunState) -> bool:
    """Whether the log has it already: its file was not deleted before a crash."""
    if isinstance(event, Commented):
        return event.words in state.comments.get(event.program, ())
    return state.judgement(event.found.pair, event.found.by) == event.found


def left_events(run: RunFolder) -> Iterator[tuple[Path, Commented | Judged]]:
    """What was left, the oldest first, with its files.

    A file is deleted after its event is in the log. One that is damaged is renamed, and left out.
    """
    for path in sorted(_inbox(run).glob(f"[!.]*{_SUFFIX}")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            yield path, _KINDS[content.pop("kind")].model_validate(content)
        except (ValueError, KeyError, AttributeError, ValidationError):
            path.replace(path.with_suffix(_DAMAGED))


def _inbox(run: RunFolder) -> Path:
    return run.path / "inbox"
