"""The curve, the progress and the checkpoints of a training, written at fixed steps.

The fitness along the curve is measured on training episodes, which costs no extra steps; it is
shown to the writer and never used for selection.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rewardsmith.run.trials import (
    CHECKPOINTS,
    CURVE,
    CURVE_POINTS,
    Continued,
    TrialJob,
    write_progress,
)
from rewardsmith.task.fitness import Fitness
from rewardsmith.train.rewards import TrainingEpisode
from rewardsmith.types import Episode, TrainingState

_MEASURES = ("length", "own_return", "native_return", "fitness", "success")


class TrainingRecord:
    """Says when a curve row and a checkpoint are due, and writes them.

    Args:
        fitness: of a training episode.
        folder: of the trial.
        job: of the trial.
        save: writes the learner's weights under a name.

    Attributes:
        checkpoints: names of those that were written.
        continued: each time that the training went on after an interruption.
        progress: how far the training was when the last row was written.
    """

    def __init__(
        self,
        fitness: Callable[[Episode], Fitness],
        folder: Path,
        job: TrialJob,
        save: Callable[[str], None],
    ) -> None:
        steps = job.steps
        self.checkpoints: list[str] = []
        self.continued: list[Continued] = []
        self.progress = job.progress()
        self._job, self._folder = job, folder
        self._fitness, self._save, self._last = fitness, save, steps
        self._last_fitness: float | None = None
        self._every_row = max(1, steps // CURVE_POINTS)
        self._every_checkpoint = max(1, steps // CHECKPOINTS)
        self._next_row, self._next_checkpoint = self._every_row, self._every_checkpoint
        self._begun = time.monotonic()
        self._file = (folder / CURVE).open("w", newline="", encoding="utf-8")
        self._writer: csv.DictWriter[str] | None = None

    def stepped(self, steps: int) -> None:
        """Write a checkpoint if one is due after this many steps; the last is the caller's."""
        if self._next_checkpoint <= steps < self._last:
            self._next_checkpoint += self._every_checkpoint
            self.checkpoint(steps)

    def row_is_due(self, steps: int) -> bool:
        """Whether a curve row is due after this many steps; if so, moves on to the next."""
        if steps < self._next_row:
            return False
        self._next_row += self._every_row * ((steps - self._next_row) // self._every_row + 1)
        return True

    def checkpoint(self, steps: int) -> None:
        """Save the learner under the number of steps taken."""
        name = f"{steps:09d}"
        self._save(name)
        if name not in self.checkpoints:
            self.checkpoints.append(name)

    def row(
        self, steps: int, episodes: Sequence[TrainingEpisode], terms: Sequence[str]
    ) -> dict[str, float]:
        """Write one row of the curve.

        Args:
            episodes: those that ended since the last row.
            terms: names of the reward's terms; the first row fixes the columns.

        Returns:
            The means over the episodes, by column.
        """
        summary = _summary(episodes, self._fitness)
        wall_s = round(time.monotonic() - self._begun, 3)
        if self._writer is None:
            columns = [f"term/{name}" for name in terms]
            fields = ["steps", "wall_s", "episodes", *_MEASURES, *columns]
            self._writer = csv.DictWriter(self._file, fields, extrasaction="ignore")
            self._writer.writeheader()
        row: dict[str, float] = {"steps": steps, "wall_s": wall_s, **summary}
        self._writer.writerow({key: _short(value) for key, value in row.items()})
        self._file.flush()
        self._last_fitness = summary.get("fitness", self._last_fitness)
        self.progress = self._job.progress(steps, self._last_fitness)
        write_progress(self._folder, [self.progress])
        return summary

    def state(self) -> TrainingState:
        """What was written, and what is due next."""
        curve = np.frombuffer((self._folder / CURVE).read_bytes(), np.uint8)
        facts = {
            "checkpoints": self.checkpoints,
            "continued": [each.model_dump() for each in self.continued],
            "steps": self.progress.steps,
            "next_row": self._next_row,
            "next_checkpoint": self._next_checkpoint,
            "last_fitness": self._last_fitness,
            "wall_s": time.monotonic() - self._begun,
        }
        return TrainingState({"curve": curve}, facts)

    def restore(self, state: TrainingState) -> None:
        """Go on from there."""
        facts, curve = state.facts, state.arrays["curve"].tobytes().decode()
        self.checkpoints = list(facts["checkpoints"])
        self.continued = [Continued(**each) for each in facts["continued"]]
        self._next_row, self._next_checkpoint = facts["next_row"], facts["next_checkpoint"]
        self._last_fitness, self._begun = facts["last_fitness"], self._begun - facts["wall_s"]
        self.progress = self._job.progress(facts["steps"], self._last_fitness)
        self._file.write(curve)
        if curve:
            columns = curve.splitlines()[0].split(",")
            self._writer = csv.DictWriter(self._file, columns, extrasaction="ignore")

    def close(self) -> None:
        """Close the curve's file."""
        self._file.close()


def _summary(
    episodes: Sequence[TrainingEpisode], fitness: Callable[[Episode], Fitness]
) -> dict[str, float]:
    """Means over training episodes; only their number when none ended."""
    if not episodes:
        return {"episodes": 0}
    measured = [fitness(episode.episode) for episode in episodes if episode.episode is not None]
    lengths = [episode.length for episode in episodes]
    own_returns = [episode.own_return for episode in episodes]
    native_returns = [episode.native_return for episode in episodes]
    row = {
        "episodes": len(episodes),
        "length": float(np.mean(lengths)),
        "own_return": float(np.mean(own_returns)),
        "native_return": float(np.mean(native_returns)),
        "fitness": float(np.mean([one.value for one in measured])),
    }
    successes = [one.success for one in measured if one.success is not None]
    if successes:
        row["success"] = float(np.mean(successes))
    for name in dict.fromkeys(name for episode in episodes for name in episode.terms):
        sums = [episode.terms.get(name, 0.0) for episode in episodes]
        row[f"term/{name}"] = float(np.mean(sums))
    return row


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
