"""Reward arithmetic of a block of T vector steps: totals, terms, and the episodes that ended in it.

Plain functions on arrays of shape (T, n_envs), so that any trainer can use them: one that calls
a program at every step (T = 1), and one that calls it once per rollout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from rewardsmith.errors import ProgramError
from rewardsmith.terms.reward import Reward, TermValue, summed
from rewardsmith.types import Array, Columns, Episode, FloatArray, Output, TrainingState

LARGEST = 1e18  # learners compute in float32, which ends at 3e38, and square rewards


@dataclass(frozen=True)
class TrainingEpisode:
    """One finished training episode; returns are undiscounted sums.

    Attributes:
        own_return: of the reward that is learned from.
        episode: as the recorder saw it; None where no history is kept.
    """

    own_return: float
    native_return: float
    length: int
    terms: dict[str, float] = field(default_factory=dict)
    episode: Episode | None = None

    def for_logging(self) -> dict[str, float]:
        """The form in which Stable-Baselines3 expects finished episodes."""
        return {"r": self.own_return, "l": self.length, "t": 0.0}


class RewardBlock(NamedTuple):
    """The rewards of T steps of n environments.

    Attributes:
        total: what is learned from, shape (T, n).
        ranked: the sum of the terms that count when checkpoints are ranked, shape (T, n).
        terms: name -> shape (T, n).
    """

    total: FloatArray
    ranked: FloatArray
    terms: Mapping[str, FloatArray]


def reward_block(reward: Reward, columns: Columns, shape: tuple[int, int]) -> RewardBlock:
    """Value a block of steps.

    Args:
        columns: of the reward's arguments, shape (T * n, ...), step by step.
        shape: (T, n).

    Raises:
        ProgramError: a program breaks, its reward is not finite or too large for a learner, or a
            term is not finite; the message holds the inputs of the first such row.
    """
    values = reward.values(columns)
    output = summed(values, shape[0] * shape[1])
    if not reward.is_native:
        check_output(output, columns)
    terms = {name: part.reshape(shape) for name, part in output.terms.items()}
    return RewardBlock(output.total.reshape(shape), _ranked(values, shape), terms)


def _ranked(values: Sequence[TermValue], shape: tuple[int, int]) -> FloatArray:
    ranking = [value for value in values if value.ranks]
    return summed(ranking, shape[0] * shape[1]).total.reshape(shape)


def check_output(output: Output, columns: Columns) -> None:
    """Refuse a reward that no learner can use.

    Args:
        columns: what the reward was computed from, for the message.

    Raises:
        ProgramError: a reward is not finite or too large, or a term is not finite.
    """
    _check("the reward", output.total, np.abs(output.total) <= LARGEST, columns)  # NaN is not <=
    for name, values in output.terms.items():
        _check(f"term {name!r}", values, np.isfinite(values), columns)


def _check(what: str, values: FloatArray, good: Array, columns: Columns) -> None:
    if good.all():
        return
    row = int(np.flatnonzero(~good)[0])
    shown = {name: column for name, column in columns.items() if not name.startswith("_")}
    inputs = {name: np.asarray(column[row]).tolist() for name, column in shown.items()}
    raise ProgramError(
        f"{what} became {values[row]} during training, for {inputs}",
        "guard divisions, logarithms and powers",
        reason="output",
    )


class Ended(NamedTuple):
    """An episode that ended in a block: in which step, and in which environment."""

    step: int
    row: int
    episode: TrainingEpisode


class EpisodeSums:
    """Sums of rewards and terms over the episodes under way, one per environment."""

    def __init__(self, n: int) -> None:
        self.terms: dict[str, FloatArray] = {}
        self._own, self._native = np.zeros(n), np.zeros(n)
        self._length = np.zeros(n, np.int64)

    def state(self) -> TrainingState:
        """The sums of the episodes under way."""
        arrays = {"own": self._own, "native": self._native, "length": self._length}
        terms = {f"term/{at}": sums for at, sums in enumerate(self.terms.values())}
        return TrainingState({**arrays, **terms}, {"terms": list(self.terms)})

    def restore(self, state: TrainingState) -> None:
        """Go on from there."""
        kept = {name: array.copy() for name, array in state.arrays.items()}
        self._own, self._native, self._length = kept["own"], kept["native"], kept["length"]
        self.terms = {name: kept[f"term/{at}"] for at, name in enumerate(state.facts["terms"])}

    def add(
        self,
        block: RewardBlock,
        native: FloatArray,
        dones: Array,
        episodes: Mapping[tuple[int, int], Episode],
    ) -> list[Ended]:
        """Take in a block of steps, in order.

        Args:
            native: the native rewards, shape (T, n).
            dones: where an episode ended, shape (T, n), bool.
            episodes: (step, environment) -> the episode that ended there, where whole ones are
                kept.

        Returns:
            The episodes that ended.
        """
        for name in block.terms:
            self.terms.setdefault(name, np.zeros(len(self._own)))
        ended: list[Ended] = []
        for step in range(len(dones)):
            self._add_step(block, native, step)
            if not dones[step].any():
                continue
            for row in np.flatnonzero(dones[step]).tolist():
                whole = self._whole(row, episodes.get((step, row)))
                ended.append(Ended(step, row, whole))
            for sums in (self._own, self._native, self._length, *self.terms.values()):
                sums[dones[step]] = 0
        return ended

    def _add_step(self, block: RewardBlock, native: FloatArray, step: int) -> None:
        self._own += block.total[step]
        self._native += native[step]
        self._length += 1
        for name, values in block.terms.items():
            self.terms[name] += values[step]

    def _whole(self, row: int, episode: Episode | None) -> TrainingEpisode:
        terms = {name: float(sums[row]) for name, sums in self.terms.items()}
        own, native = float(self._own[row]), float(self._native[row])
        return TrainingEpisode(own, native, int(self._length[row]), terms, episode)
