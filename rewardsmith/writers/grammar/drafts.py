"""Score drafts without training: does a draft order recorded episodes as their fitness does?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.maths.shaping import potential_shaping
from rewardsmith.types import Array, Columns, FloatArray
from rewardsmith.writers.grammar.formulas import value_of
from rewardsmith.writers.grammar.terms import Genome, Term

_GOOD = 0.8  # an episode is good from this share of the range of fitness on
_LARGEST_BONUS = 3000.0  # larger ones are clipped where rewards are normalised
_PREFERRED = 0.9  # share of a program's good episodes
_FAST = 0.25  # share of all good episodes
_MARGIN = 0.2  # of the usual return, by which good episodes shall lie above the others


class Evidence:
    """Recorded episodes, one after the other, with the fitness of each.

    Args:
        columns: argument -> (sum of T, ...).
        lengths: T of each episode.
        fitness: of each episode.
        gamma: the learner's discount.
        programs: whose agent played each episode; empty for episodes of no agent.
    """

    def __init__(
        self,
        columns: Columns,
        lengths: Sequence[int],
        fitness: Sequence[float],
        gamma: float,
        programs: Sequence[str] = (),
    ) -> None:
        self.columns = columns
        self.ends = np.cumsum(lengths) - 1
        self.good = _good(np.asarray(fitness, np.float64))
        self._starts = self.ends + 1 - np.asarray(lengths)
        self._lengths = np.asarray(lengths)
        self.fitness = np.asarray(fitness, np.float64)
        self._programs = np.asarray(programs or [""] * len(lengths))
        self._gamma = gamma
        steps = np.arange(self._lengths.sum()) - np.repeat(self._starts, self._lengths)
        self._discounts = gamma**steps
        better = self.fitness[:, None] > self.fitness[None, :]
        self._pairs = np.nonzero(better)  # (better, worse)

    def agreement(self, genome: Genome) -> float:
        """The share of pairs of episodes whose mean rewards have the same order as their fitness.

        Uses the mean per step, not the sum, so that an episode that reaches the goal early does not
        lose to a longer one that collects more. Of a potential it is the mean of the potential
        itself: the sum of its changes depends on the last state alone. Ties count one half.

        Returns:
            0.5 where no two episodes differ in fitness; 0 for a program that is constant or not
            finite, which the check would refuse.
        """
        values = self._values(genome)
        if not np.isfinite(values).all() or np.ptp(values) == 0.0:
            return 0.0
        means = np.add.reduceat(values, self._starts) / self._lengths
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
        if not self._only_good_ones_terminate():
            return 0.0
        return float(np.mean(self.rewards(genome)[np.repeat(self.good, self._lengths)]))

    def lacking_bonus(self, genome: Genome, program: str | None = None) -> float:
        """The bonus at the end that gives good episodes higher returns than all others.

        Returns are discounted, so that a slow success needs a much larger bonus. A cost per step
        would do as well, but with a large one agents rarely find the goal for the first time.

        Args:
            program: nine of ten good episodes of its agents shall have higher returns. Without it,
                a quarter of all good episodes, those that need the smallest bonus.

        Returns:
            At most 3,000. 0 where no bonus is needed, where the program has no good episodes, and
            where terminations do not distinguish good episodes.
        """
        own = self.good if program is None else self.good & (self._programs == program)
        if not own.any() or not self._only_good_ones_terminate():
            return 0.0
        returns = self._discounted(self.rewards(genome))
        wanted = returns[~self.good].max() + _MARGIN * float(np.abs(returns).mean())
        lacking = (wanted - returns[own]) / self._discounts[self.ends[own]]
        share = _FAST if program is None else _PREFERRED
        return min(_LARGEST_BONUS, max(0.0, float(np.quantile(lacking, share))))

    def _only_good_ones_terminate(self) -> bool:
        """Whether all good episodes and no others terminate."""
        arrives = np.asarray(self.columns["terminated"])[self.ends] > 0
        return bool(self.good.any() and (arrives == self.good).all() and not self.good.all())

    def _discounted(self, rewards: FloatArray) -> FloatArray:
        """The discounted return of each episode, shape (m,)."""
        return np.add.reduceat(rewards * self._discounts, self._starts)

    def rewards(self, genome: Genome) -> FloatArray:
        """The reward of every transition with the change of the potential, shape (sum of T,)."""
        potentials = [term for term in genome if term.potential]
        total = self._values([term for term in genome if not term.potential])
        if not potentials:
            return total
        before, after = self._values(potentials, before=True), self._values(potentials)
        return total + potential_shaping(before, after, self.columns["terminated"], self._gamma)

    def _values(self, terms: Sequence[Term], *, before: bool = False) -> FloatArray:
        """The weighted sum of terms in every transition, shape (sum of T,)."""
        total = np.zeros(int(self._lengths.sum()))
        with np.errstate(all="ignore"):
            for term in terms:
                formula = term.text_before if before else term.text
                total = total + term.weight * value_of(formula, self.columns)
        return total


def _good(fitness: FloatArray) -> Array:
    """Which episodes are good, shape (m,), bool; none where all have the same fitness."""
    return np.asarray(fitness >= fitness.min() + _GOOD * np.ptp(fitness)) & (np.ptp(fitness) > 0)
