"""Policy reuse: every second episode is led by a prior, and what these are paid is held against the learner's own.

(Probabilistic policy reuse, Fernandez and Veloso 2006, which also chooses by what the episodes of
each gained.) In an
episode that it leads the prior acts most of the time, in stretches, and the learner in between: of
flawless episodes alone a learner sees no mistake put right, and learns less from them (on CartPole:
worse than without a prior). Nothing here knows of networks or of Stable-Baselines3, so that a loop
of one's own, tabular too, can use it.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from rewardsmith.maths.statistics import clearly_above
from rewardsmith.types import Array, FloatArray

_RECENT = 20  # episodes of each that count: the learner changes
_ENOUGH = 4  # episodes of each, after which what does not show is no great gain
_STRETCH = 10  # steps after which it is drawn anew who acts


class Reuse:
    """Every second episode of some environments is led by a prior, and compared with those of the learner alone.

    Attributes:
        leads: whose present episode is led, shape (n_envs,).
        returns: of the last episodes: the learner's own, those that were led.
        pays: whether those that were led are clearly paid more.
        costs: whether the learner's own are.
    """

    def __init__(self, n_envs: int) -> None:
        self.leads = np.zeros(n_envs, bool)
        self.returns: tuple[deque[float], deque[float]] = (
            deque(maxlen=_RECENT),
            deque(maxlen=_RECENT),
        )
        self.pays = self.costs = False
        self._acts = np.zeros(n_envs, bool)
        self._begins = np.ones(n_envs, bool)
        self._paid = np.zeros(n_envs)
        self._turn = True

    def acting(self, share: float, rng: np.random.Generator) -> Array:
        """Before a vector step: where the prior acts, shape (n_envs,).

        Args:
            share: of the steps of an episode that it leads.
        """
        for row in np.flatnonzero(self._begins):
            self.leads[row], self._turn = self._turn, not self._turn
        drawn = rng.random((2, len(self.leads)))
        self._acts = np.where(
            self._begins | (drawn[0] < 1 / _STRETCH), drawn[1] < share, self._acts
        )
        self._begins[:] = False
        return self._acts & self.leads

    def paid(self, rewards: FloatArray, dones: Array) -> None:
        """After a vector step: what it paid and which episodes it ended, both shape (n_envs,)."""
        self._paid += rewards
        if not dones.any():
            return
        for row in np.flatnonzero(dones):
            self.returns[int(self.leads[row])].append(float(self._paid[row]))
        self._paid[dones] = 0.0
        self._begins |= dones
        own, led = self.returns
        self.pays, self.costs = (
            clearly_above(led, own),
            clearly_above(own, led),
        )  # here, not at every step

    @property
    def seen_enough(self) -> bool:
        """Whether there were so many episodes of each that a great gain would show by now."""
        return min(len(returns) for returns in self.returns) >= _ENOUGH
