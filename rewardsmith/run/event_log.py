"""The append-only log of a run: one fsynced JSON line per event; everything else is folded from it.

1. Readers skip an incomplete last line, and the next writer removes it: its work is repeated. A
   damaged line elsewhere is an error.
2. Events of unknown kinds are skipped, so that this version can show a newer run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from rewardsmith.errors import RunError
from rewardsmith.journal import JsonLines
from rewardsmith.run.event import Event
from rewardsmith.run.events import KINDS

Kind = TypeVar("Kind", bound=Event)


class EventLog:
    """``events.jsonl`` of a run."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLines(path)

    def __iter__(self) -> Iterator[Event]:
        """The events, oldest first.

        Raises:
            RunError: a line other than the last is not an event.
        """
        for number, record in enumerate(self._lines, 1):
            event = self._read(record, number)
            if event is not None:
                yield event

    def append(self, event: Kind) -> Kind:
        """Write an event; returns it with the time.

        Raises:
            RunError: the disk is full or the folder read-only.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        event = event.model_copy(update={"at": now})
        self._lines.append({"kind": event.kind, **event.model_dump(mode="json")})
        return event

    def _read(self, record: dict[str, object], number: int) -> Event | None:
        kind = record.pop("kind", None)
        if not isinstance(kind, str):
            raise self._damaged(number, "an event needs a kind")
        if kind not in KINDS:
            return None
        try:
            return KINDS[kind].model_validate(record)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join([kind, *map(str, first["loc"])])
            raise self._damaged(number, f"{where}: {first['msg']}") from None

    def _damaged(self, number: int, why: str) -> RunError:
        return RunError(
            f"{self._lines.path}: line {number} is not an event: {why}",
            "the file was edited or damaged; restore it, or start a new run",
        )
