"""The run's ``llm.jsonl``: every request and its reply, one fsynced line each.

The same file is log, answer cache and replay tape: a reply is found again by (digest of the
request, its occurrence in the run), so an answered request is never bought twice and a run can be
replayed without a key. Failures are not recorded here. Only requests and replies are written,
which contain neither keys nor headers.

How lines survive a crash is the part of :class:`rewardsmith.journal.JsonLines`. A line that is
whole but not readable means that the file was damaged; guessing its content could buy an answer
again, so that is an error. There is one writer per run.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from rewardsmith.errors import RunError
from rewardsmith.journal import JsonLines
from rewardsmith.llm.protocol import Reply, Request
from rewardsmith.llm.text import set_fields
from rewardsmith.types import Slot

VERSION = 1
DAMAGED = "restore the file from a copy, or delete that line: its request is then paid for again"


class _Record(BaseModel):
    """A line as JSON; also has its version and time."""

    key: str
    occurrence: int
    slot: Slot
    request: Request
    reply: Reply


class ReplyLog:
    """Requests and replies of one run, in memory and on disk; serves many threads.

    Args:
        path: the file; made with the first reply.

    Raises:
        RunError: a line is damaged or of a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._replies: dict[tuple[str, int], Reply] = {}
        self._lines = JsonLines(self.path)
        for line in read_lines(self.path):
            self._replies.setdefault(line.key, line.reply)

    def __len__(self) -> int:
        """How many replies there are."""
        return len(self._replies)

    def get(self, digest: str, occurrence: int) -> Reply | None:
        """The reply to the ``occurrence``-th time (from 0) that the run asked this."""
        with self._lock:
            return self._replies.get((digest, occurrence))

    def put(self, request: Request, occurrence: int, reply: Reply, slot: Slot) -> None:
        """Write a reply down; when this returns, it is on the disk.

        Raises:
            RunError: the disk does not take it; the file holds whole lines as before.
            ValueError: it was answered before, which the caller should have seen.
        """
        key = (request.digest, occurrence)
        with self._lock:
            if key in self._replies:
                raise ValueError(f"request {key[0]} occurrence {occurrence} is answered already")
            self._lines.append(
                {
                    "v": VERSION,
                    "key": key[0],
                    "occurrence": occurrence,
                    "slot": list(slot),
                    "request": set_fields(dataclasses.asdict(request)),
                    "reply": dataclasses.asdict(reply),
                    "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                }
            )
            self._replies[key] = reply


class Line(NamedTuple):
    """One line of the file: a request and its reply.

    Attributes:
        key: digest of the request as it was written, and its occurrence.
    """

    key: tuple[str, int]
    slot: Slot
    request: Request
    reply: Reply


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of an ``llm.jsonl``.

    Raises:
        RunError: a line is damaged or of a newer version.
    """
    number = 0
    try:
        for number, record in enumerate(JsonLines(path), 1):
            yield _read(path, record, number)
    except UnicodeDecodeError as error:
        raise RunError(f"{path}: not UTF-8 somewhere after line {number}", DAMAGED) from error


def _read(path: Path, record: dict[str, object], number: int) -> Line:
    version = record.get("v")
    if isinstance(version, int) and version > VERSION:
        hint = "use the version of rewardsmith that wrote it, or a newer one"
        raise RunError(f"{path}: line {number} has version {version}, known is {VERSION}", hint)
    try:
        found = _Record.model_validate(record)
        return Line((found.key, found.occurrence), found.slot, found.request, found.reply)
    except ValidationError as error:
        raise RunError(f"{path}: line {number} is not a request with its reply", DAMAGED) from error
