"""Append-only files of JSON lines that survive a crash at any byte."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from rewardsmith.errors import RunError


class JsonLines:
    """An append-only file of JSON objects that survives being killed at any byte.

    Reading changes nothing, so a run can be looked at while another process writes it.

    Raises:
        RunError: while reading, when a line that is not the last is not a JSON object.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._tail_is_whole = False

    def __iter__(self) -> Iterator[dict[str, object]]:
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith(b"\n"):
                    yield self._parse(line, number)

    def append(self, record: Mapping[str, object]) -> None:
        """Write one line and have it on disk before returning.

        Raises:
            RunError: the disk is full or the folder read-only; the file is left with whole lines
                only.
        """
        line = (json.dumps(finite(record), ensure_ascii=False, allow_nan=False) + "\n").encode()
        with self._lock:
            if not self._tail_is_whole:
                self._repair_tail()
                self._tail_is_whole = True
            size = self.path.stat().st_size if self.path.exists() else 0
            try:
                with self.path.open("ab", buffering=0) as file:
                    written = file.write(line)
                    if written != len(line):
                        raise OSError("short write")
                    os.fsync(file.fileno())
            except OSError as error:
                self._cut(size)
                raise disk_error(self.path, error) from error

    def _parse(self, line: bytes, number: int) -> dict[str, object]:
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, UnicodeDecodeError):
            record = None
        if not isinstance(record, dict):
            raise RunError(
                f"{self.path}: line {number} is not a JSON object",
                "the file was edited or damaged; restore it, or start a new run",
            )
        return record

    def _repair_tail(self) -> None:
        """Cut a last line that was never finished."""
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        if content and not content.endswith(b"\n"):
            self._cut(content.rfind(b"\n") + 1)

    def _cut(self, size: int) -> None:
        try:
            os.truncate(self.path, size)
        except OSError:
            pass  # what cannot be cut now is cut when the run is opened again


def finite(value: Any) -> Any:
    """The same JSON value with NaN and infinities as null, which is all that JSON has for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def disk_error(path: Path, error: OSError) -> RunError:
    """What to tell when a run's folder cannot be written."""
    return RunError(
        f"cannot write {path}: {error.strerror or error}",
        "free some disk space or make the folder writable, then resume the run; nothing recorded "
        "so far is lost",
    )
