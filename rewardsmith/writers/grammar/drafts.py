"""Which of several drafts orders recorded episodes as their fitness does: training is spent on those first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.types import Array, Columns, FloatArray
from rewardsmith.writers.grammar.formulas import value_of
from rewardsmith.writers.grammar.terms import Genome

_GOOD = 0.8  # share of the way from the worst fitness to the best from which an episode is good


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
        """The share of pairs of episodes of different fitness whose mean rewards are ordered likewise.

        The mean of a step, not the sum: an episode that ends early because the goal is reached must
        not lose to one that goes on collecting. One half where there are no such pairs; zero for a
        program that would be refused, because it is constant or not finite.
        """
        rewards = self.rewards(genome)
        if not np.isfinite(rewards).all() or np.ptp(rewards) == 0.0:
            return 0.0
        means = np.add.reduceat(rewards, self._starts) / self._lengths
        better, worse = (means[index] for index in self._pairs)
        if not len(better):
            return 0.5
        return float(np.mean((better > worse) + 0.5 * (better == worse)))

    def pay_for_going_on(self, genome: Genome) -> float:
        """What a program pays in a step of good behaviour, where only arriving ends an episode; 0 where it is not so.

        An agent that is paid for a good step and for nothing else does best never to arrive.
        """
        arrives = np.asarray(self.columns["terminated"])[self.ends] > 0
        if not self.good.any() or not arrives[self.good].all() or arrives[~self.good].any():
            return 0.0
        return float(np.mean(self.rewards(genome)[np.repeat(self.good, self._lengths)]))

    def rewards(self, genome: Genome) -> FloatArray:
        """What a program pays on every transition, shape (sum of T,)."""
        total = np.zeros(int(self._lengths.sum()))
        with np.errstate(all="ignore"):
            for term in genome:
                total = total + term.weight * value_of(term.text, self.columns)
        return total


def _good(fitness: FloatArray) -> Array:
    """Which episodes are good, shape (m,), bool; none where all are worth the same."""
    return np.asarray(fitness >= fitness.min() + _GOOD * np.ptp(fitness)) & (np.ptp(fitness) > 0)
