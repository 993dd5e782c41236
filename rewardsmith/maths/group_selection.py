"""Which groups of a batch to train on, and how many have nothing to teach."""

from __future__ import annotations

import numpy as np

from rewardsmith.maths.completions import Groups
from rewardsmith.types import Array


def with_spread(rewards: Array, groups: Array) -> Array:
    """The completions of groups whose rewards differ; the advantages of the others are 0.

    Source: the dynamic sampling of DAPO, Yu et al. 2025, arXiv 2503.14476, drops groups in which
    all or no answers are right.

    Args:
        rewards, groups: shape (n,).

    Returns:
        Shape (n,), bool.

    Example:
        >>> with_spread(np.array([1, 0, 1, 1]), np.array([0, 0, 1, 1]))
        array([ True,  True, False, False])
    """
    within = Groups(groups)
    (rewards,) = within.of(rewards=rewards)
    spread = within.highest(rewards) > within.lowest(rewards)
    return np.asarray(within.spread_out(spread))


def share_without_spread(rewards: Array, groups: Array) -> float:
    """The share of groups that get one reward for all completions, in [0, 1].

    TRL logs it as ``frac_reward_zero_std``. If it is high, prompts are too easy or too hard, or the
    reward is too coarse; see also :func:`rewardsmith.maths.agreement.teacher_variance`.
    """
    within = Groups(groups)
    (rewards,) = within.of(rewards=rewards)
    return float((within.highest(rewards) == within.lowest(rewards)).mean())


def largest_spread(rewards: Array, groups: Array, share: float = 0.25) -> Array:
    """The completions of those groups whose rewards vary most.

    Source: RAGEN (StarPO-S), Wang et al. 2025, arXiv 2504.20073, which trains on a quarter of the
    groups.

    Args:
        rewards, groups: shape (n,).
        share: of the groups, in (0, 1].

    Returns:
        Shape (n,), bool: floor(share * groups) groups, at least one. Among equal spreads those with
        the smaller label come first.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], found {share!r}")
    within = Groups(groups)
    (rewards,) = within.of(rewards=rewards)
    order = np.argsort(-within.std(rewards), kind="stable")
    chosen = np.zeros(len(order), bool)
    chosen[order[: max(int(share * len(order)), 1)]] = True
    return np.asarray(within.spread_out(chosen))
