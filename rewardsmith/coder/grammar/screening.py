"""Which of several drafts orders recorded episodes as their fitness does: training is spent on those first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.coder.grammar.formulas import value_of
from rewardsmith.coder.grammar.terms import Genome
from rewardsmith.types import Columns, FloatArray


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
        self._starts = self.ends + 1 - np.asarray(lengths)
        self._lengths = np.asarray(lengths)
        self.fitness = np.asarray(fitness, np.float64)
        better = self.fitness[:, None] > self.fitness[None, :]
        self._pairs = np.nonzero(better)  # (better, worse)

    def agreement(self, genome: Genome) -> float:
        """The share of pairs of episodes of different fitness whose mean rewards are ordered likewise.

        The mean of a step, not the sum: an episode that ends early because the goal is reached must not lose to one
        that goes on collecting. One half where there are no such pairs; zero for a program that would be refused,
        because it is constant or not finite.
        """
        rewards = self.rewards(genome)
        if not np.isfinite(rewards).all() or np.ptp(rewards) == 0.0:
            return 0.0
        means = np.add.reduceat(rewards, self._starts) / self._lengths
        better, worse = (means[index] for index in self._pairs)
        if not len(better):
            return 0.5
        return float(np.mean((better > worse) + 0.5 * (better == worse)))

    def rewards(self, genome: Genome) -> FloatArray:
        """What a program pays on every transition, shape (sum of T,)."""
        total = np.zeros(int(self._lengths.sum()))
        with np.errstate(all="ignore"):
            for term in genome:
                total = total + term.weight * value_of(term.text, self.columns)
        return total
