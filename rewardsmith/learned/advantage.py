"""Whether a learned reward is an advantage function, and what an agent under it would do.

Answers that people give by regret, fitted by return, yield the optimal advantage function A*
instead of a reward (Knox et al. 2023, arXiv 2310.02456). Its maximum over the actions is 0 in
every state, so acting greedily on it is optimal, and no training is needed. Where the maximum is
not quite 0, an agent that is trained on it prefers going on (above 0) or ending (below 0).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.types import FloatArray

_TOLERANCE = 0.1  # of the spread of rewards, below which a maximum counts as 0


class AdvantageReading(NamedTuple):
    """What the best rewards of states say.

    Attributes:
        mean_best: the mean over states of the highest reward of an action.
        relative: that, in standard deviations of all rewards.
        advantage: whether the highest reward of most states is about 0: a warning that the reward
            is an advantage function.
        prefers: ``going on`` where another step pays on average, ``ending`` where it costs,
            ``neither`` where it does neither.
    """

    mean_best: float
    relative: float
    advantage: bool
    prefers: str


def acts_as_advantage(rewards: FloatArray, tolerance: float = _TOLERANCE) -> AdvantageReading:
    """Read rewards of all actions in many states.

    Args:
        rewards: shape (n, a), of a actions in n states, not shifted: the rewards of a
            :class:`RewardModel` that are shifted to mean 0 say nothing about going on.
        tolerance: in standard deviations of the rewards: within it a value counts as 0.

    Raises:
        UsageError: the shape is not (n, a), or a reward is not finite.

    Example:
        acts_as_advantage(np.array([[0.0, -1.0], [-2.0, 0.0]])).advantage  # True
    """
    rewards = np.asarray(rewards, np.float64)
    if rewards.ndim != 2 or not rewards.size or not np.isfinite(rewards).all():
        raise UsageError(f"expected finite rewards of shape (n, a), found {rewards.shape}")
    best = rewards.max(axis=1)
    spread = float(rewards.std())
    within = tolerance * spread
    mean = float(best.mean())
    advantage = spread > 0 and float(np.median(np.abs(best))) <= within
    prefers = "neither" if abs(mean) <= within else "going on" if mean > 0 else "ending"
    relative = mean / spread if spread else float(np.sign(mean) * np.inf) if mean else 0.0
    return AdvantageReading(mean, relative, advantage, prefers)
