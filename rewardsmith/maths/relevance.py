"""The subgoals that are relevant for a goal, learned from what its successes have in common.

ELLA (Mirchandani et al. 2021, arXiv 2103.05825) rewards only the low-level instructions that the
high-level one needs. At first all of them are relevant. After the first success of a goal those
stay relevant that its episode reached; after further successes, those that all of them reached.
ELLA's classifier, which generalises to goals without a success, is left out: for these goals
everything stays relevant.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from rewardsmith.types import Array


class Relevance:
    """Relevant subgoals per goal.

    Args:
        count: number of subgoals, k.
    """

    def __init__(self, count: int) -> None:
        self._all = np.ones(count, bool)
        self._common: dict[Hashable, Array] = {}

    def of(self, goals: Sequence[Hashable]) -> Array:
        """Which subgoals are relevant for each of n goals, shape (n, k), bool."""
        return np.stack([self._common.get(goal, self._all) for goal in goals])

    def learn(self, goal: Hashable, done: Array) -> None:
        """Add a success.

        Args:
            done: which subgoals it had, shape (k,), bool. Where it has none in common with those
                before, it replaces them: they may have been chance.
        """
        both = self._common.get(goal, self._all) & done
        self._common[goal] = both if both.any() else done.copy()
