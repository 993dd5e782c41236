"""Which subgoals matter for a goal, learnt from what its successes had in common.

ELLA (Mirchandani et al. 2021, arXiv 2103.05825) pays only for those low-level instructions that the
high-level one needs. It begins by holding all of them relevant, so that nothing that matters goes
unpaid; after a success of a goal only what that episode did stays, and after further ones what all
of them did. Its classifier, which carries this over
to goals that never succeeded yet, is left out: there everything stays relevant.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from rewardsmith.types import Array


class Relevance:
    """What is known so far.

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
        """Take in a success.

        Args:
            done: which subgoals it had, shape (k,), bool. Where it has none in common with those
                before, it replaces them: they may have been chance.
        """
        both = self._common.get(goal, self._all) & done
        self._common[goal] = both if both.any() else done.copy()
