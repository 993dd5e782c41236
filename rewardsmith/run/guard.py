"""Notices that what measures fitness is changed while a run is under way.

An environment, a plugin or another process can write to files of this machine. Fitness that was
measured before and after such a change cannot be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from rewardsmith.errors import RunError
from rewardsmith.run.folder import RunFolder

_PACKAGE = Path(__file__).parents[1]
_MEASURING = ("episodes", "maths", "task", "terms", "train")  # rooms whose code measures


class MeasurementGuard:
    """Compares the task and the code that measures fitness with what they were at first.

    Args:
        run: whose frozen task is guarded.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._before = self._digests()

    def check(self) -> None:
        """Do nothing if everything is as it was.

        Raises:
            RunError: a file was changed, added or removed; the message names it.
        """
        now = self._digests()
        if now == self._before:
            return
        files = sorted(now.keys() | self._before.keys())
        changed = next(file for file in files if now.get(file) != self._before.get(file))
        raise RunError(
            f"{changed} was changed while the run was under way",
            "it decides how fitness is measured, so scores from before and after cannot be "
            "compared: restore it, and start a new run",
        )

    def _digests(self) -> Mapping[Path, str]:
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in self._files()}

    def _files(self) -> Iterator[Path]:
        task = self._run.task_folder.rglob("*")
        yield from (path for path in task if path.is_file() and path.suffix != ".pyc")
        for room in _MEASURING:
            yield from (_PACKAGE / room).rglob("*.py")
