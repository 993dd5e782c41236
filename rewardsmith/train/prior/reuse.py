"""Policy reuse: a prior guides every second episode, and the returns of both kinds are compared.

(Probabilistic policy reuse, Fernandez and Veloso 2006, which also chooses by the returns of each.)
In an episode that it guides, the prior acts most of the time, in stretches, and the learner in
between: from flawless episodes alone a learner sees no mistake corrected, and learns less (on
CartPole: worse than without a prior). Nothing here depends on networks or on Stable-Baselines3, so
that your own loop, tabular too, can use it.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from rewardsmith.maths.statistics import clearly_above
from rewardsmith.types import Array, FloatArray

_RECENT = 20  # episodes of each that count: the learner changes
_ENOUGH = 4  # episodes of each, after which a large gain would show
_STRETCH = 10  # mean steps between two draws of who acts


class Reuse:
    """Decides which episodes a prior guides, and compares their returns with the learner's own.

    Attributes:
        leads: in which environments the prior guides the present episode, shape (n_envs,).
        returns: of the latest episodes: the learner's own, and the prior-guided ones.
        is_better: whether the returns of prior-guided episodes are clearly higher.
        is_worse: whether the learner's own are.
    """

    def __init__(self, n_envs: int) -> None:
        self.leads = np.zeros(n_envs, bool)
        self.returns: tuple[deque[float], deque[float]] = (
            deque(maxlen=_RECENT),
            deque(maxlen=_RECENT),
        )
        self.is_better = self.is_worse = False
        self._acts = np.zeros(n_envs, bool)
        self._begins = np.ones(n_envs, bool)
        self._sums = np.zeros(n_envs)
        self._turn = True

    def acting(self, share: float, rng: np.random.Generator) -> Array:
        """Where the prior acts in the next vector step, shape (n_envs,), bool.

        Args:
            share: of the steps of an episode that it guides.
        """
        for row in np.flatnonzero(self._begins):
            self.leads[row], self._turn = self._turn, not self._turn
        drawn = rng.random((2, len(self.leads)))
        self._acts = np.where(
            self._begins | (drawn[0] < 1 / _STRETCH), drawn[1] < share, self._acts
        )
        self._begins[:] = False
        return self._acts & self.leads

    def add(self, rewards: FloatArray, dones: Array) -> None:
        """Add the rewards of a vector step and the ends of episodes, both shape (n_envs,)."""
        self._sums += rewards
        if not dones.any():
            return
        for row in np.flatnonzero(dones):
            self.returns[int(self.leads[row])].append(float(self._sums[row]))
        self._sums[dones] = 0.0
        self._begins |= dones
        own, guided = self.returns
        self.is_better, self.is_worse = (
            clearly_above(guided, own),
            clearly_above(own, guided),
        )

    @property
    def seen_enough(self) -> bool:
        """Whether enough episodes of each kind ended for a large gain to show."""
        return min(len(returns) for returns in self.returns) >= _ENOUGH
