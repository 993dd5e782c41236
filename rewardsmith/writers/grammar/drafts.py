"""Score drafts without training: does a draft order recorded episodes as their fitness does?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.types import Array, Columns, FloatArray
from rewardsmith.writers.grammar.formulas import value_of
from rewardsmith.writers.grammar.terms import Genome

_GOOD = 0.8  # an episode is good from this share of the range of fitness on


class Evidence:
    """Recorded episodes, one after the other, with the fitness of each.

    Args:
        columns: argument -> (sum of T, ...).
        lengths: T of each episode.
        fitness: of each episode.
    """

    def __init__(self, columns: Columns, lengths: Sequence[int], fitness: Sequence[float]) -> None:
        self.columns = columns
        self.ends = np.cumsum(lengths) - 1
        self.good = _good(np.asarray(fitness, np.float64))
        self._starts = self.ends + 1 - np.asarray(lengths)
        self._lengths = np.asarray(lengths)
        self.fitness = np.asarray(fitness, np.float64)
        better = self.fitness[:, None] > self.fitness[None, :]
        self._pairs = np.nonzero(better)  # (better, worse)

    def agreement(self, genome: Genome) -> float:
        """The share of pairs of episodes whose mean rewards have the same order as their fitness.

        Uses the mean per step, not the sum, so that an episode that reaches the goal early does not
        lose to a longer one that collects more. Ties count one half.

        Returns:
            0.5 where no two episodes differ in fitness; 0 for a program that is constant or not
            finite, which the check would refuse.
        """
        rewards = self.rewards(genome)
        if not np.isfinite(rewards).all() or np.ptp(rewards) == 0.0:
            return 0.0
        means = np.add.reduceat(rewards, self._starts) / self._lengths
        better, worse = (means[index] for index in self._pairs)
        if not len(better):
            return 0.5
        return float(np.mean((better > worse) + 0.5 * (better == worse)))

    def reward_for_continuing(self, genome: Genome) -> float:
        """Mean reward per step of the good episodes, if all of these and no others terminate.

        If it is positive, an agent gets a higher return by never reaching the goal.

        Returns:
            0 where some good episode does not terminate, or another one does.
        """
        arrives = np.asarray(self.columns["terminated"])[self.ends] > 0
        if not self.good.any() or not arrives[self.good].all() or arrives[~self.good].any():
            return 0.0
        return float(np.mean(self.rewards(genome)[np.repeat(self.good, self._lengths)]))

    def rewards(self, genome: Genome) -> FloatArray:
        """The reward of every transition, shape (sum of T,)."""
        total = np.zeros(int(self._lengths.sum()))
        with np.errstate(all="ignore"):
            for term in genome:
                total = total + term.weight * value_of(term.text, self.columns)
        return total


def _good(fitness: FloatArray) -> Array:
    """Which episodes are good, shape (m,), bool; none where all have the same fitness."""
    return np.asarray(fitness >= fitness.min() + _GOOD * np.ptp(fitness)) & (np.ptp(fitness) > 0)
