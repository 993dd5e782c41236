"""Judge drafts without training: their order of recorded episodes, and the exploits among these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.evidence.exploits import FEWEST_SUCCESSES, return_gap
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
        won, lost: which are successes and failures, shape (m,), bool; by default none is known.
        gamma: discount factor of the learner, below 1.
    """

    def __init__(
        self,
        columns: Columns,
        lengths: Sequence[int] | Array,
        fitness: Sequence[float] | FloatArray,
        won: Array | None = None,
        lost: Array | None = None,
        gamma: float = 0.99,
    ) -> None:
        self.columns = columns
        self.ends = np.cumsum(lengths) - 1
        self.good = _good(np.asarray(fitness, np.float64))
        self._starts = self.ends + 1 - np.asarray(lengths)
        self._lengths = np.asarray(lengths)
        self.fitness = np.asarray(fitness, np.float64)
        better = self.fitness[:, None] > self.fitness[None, :]
        self._pairs = np.nonzero(better)  # (better, worse)
        nothing = np.zeros(len(self.fitness), bool)
        self._won, self._lost = nothing if won is None else won, nothing if lost is None else lost
        steps = np.arange(self.ends[-1] + 1) - np.repeat(self._starts, self._lengths)
        self._discount = gamma**steps

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

    def margin(self, genome: Genome) -> float:
        """The median of the discounted returns of successes above that of the best failure.

        In units of the mean absolute return; negative if a failure exploits the program; infinite
        if too few successes are known. The successes are those of other programs' agents, and the
        slowest of them say nothing about the agents of this one.
        """
        if self._won.sum() < FEWEST_SUCCESSES or not self._lost.any():
            return np.inf
        returns = np.add.reduceat(self.rewards(genome) * self._discount, self._starts)
        return return_gap(returns, self._won, self._lost, 0.5).margin

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
