"""The append-only log of a run: one fsynced JSON line per event; everything else is folded from it.

1. An event is written after the files it speaks of, so what the log says is there, is there.
2. A torn last line is work owed again: readers skip it, the next writer cuts it off. A corrupt line
   elsewhere is an error.
3. Unknown kinds are skipped when read, so an older version can show a newer run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rewardsmith.journal import JsonLines


@dataclass(frozen=True)
class Event:
    """Something that happened; ``data`` is plain JSON."""

    kind: str
    data: dict[str, Any]
    at: str = ""


class EventLog:
    """``events.jsonl`` of a run."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLines(path)

    def __iter__(self) -> Iterator[Event]:
        for record in self._lines:
            yield Event(
                str(record.get("kind", "")), record.get("data", {}), str(record.get("at", ""))
            )

    def append(self, kind: str, **data: Any) -> Event:
        """Record that something happened."""
        event = Event(kind, data, datetime.now(UTC).isoformat(timespec="milliseconds"))
        self._lines.append({"kind": kind, "at": event.at, "data": data})
        return event
