"""Credit over the turns of a dialogue, the calls of tools, or the steps of a reasoning.

Turns are arrays of shape (n, K) with a mask; the turns of a completion stand at the beginning of
its row. :func:`rewardsmith.maths.token_credit.on_last_tokens` brings the results to tokens.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rewardsmith.maths.completions import Groups, as_mask, per_completion, per_token
from rewardsmith.maths.length_shaping import z_scores
from rewardsmith.types import Array, FloatArray


def turn_returns(rewards: Array, mask: Array, gamma: float = 0.9) -> FloatArray:
    """The discounted rewards from each turn on: G_k = r_k + gamma * G_{k+1}.

    Source: GTPO (turns), Ding et al. 2025, arXiv 2511.14846, with gamma 0.9.

    Args:
        rewards: shape (n, K).
        mask: which turns exist, shape (n, K), bool.
        gamma: in [0, 1].

    Returns:
        Shape (n, K); the rewards themselves with gamma 0, the rewards to go with gamma 1.

    Example:
        >>> turn_returns(np.array([[0.0, 0.0, 1.0]]), np.ones((1, 3), bool), gamma=0.5)
        array([[0.25, 0.5 , 1.  ]])
    """
    return turn_gae(rewards, np.zeros(np.shape(rewards)), mask, gamma, 1.0)


def turn_gae(
    rewards: Array, values: Array, mask: Array, gamma: float = 1.0, lam: float = 1.0
) -> FloatArray:
    """Generalized advantages over turns instead of tokens, with one value per turn.

    A_k = d_k + gamma * lam * A_{k+1} with d_k = r_k + gamma * V_{k+1} - V_k; 0 after the last turn.

    Source: Schulman et al. 2015, arXiv 1506.02438; over turns ERA, Chen et al. 2025, arXiv
    2510.12693 (our reading of its abstract).

    Args:
        rewards, values: of each turn, the value before it, shape (n, K).
        mask: shape (n, K), bool.
        gamma, lam: in [0, 1].

    Returns:
        Shape (n, K). With lam 1 it is the return minus the value.
    """
    mask = _turns(mask)
    rewards, values = per_token(mask, rewards=rewards, values=values)
    if not 0 <= gamma <= 1 or not 0 <= lam <= 1:
        raise ValueError(f"gamma and lam must be in [0, 1], found {gamma!r} and {lam!r}")
    advantages = np.zeros_like(rewards)
    following, value = np.zeros(len(mask)), np.zeros(len(mask))
    for k in reversed(range(mask.shape[1])):
        following = rewards[:, k] + gamma * value - values[:, k] + gamma * lam * following
        value = values[:, k]
        advantages[:, k] = following
    return np.where(mask, advantages, 0.0)


def turn_credits(
    rewards: Array,
    mask: Array,
    how: Literal["equal", "to_go", "exponential"],
    gamma: float = 0.8,
    steepness: float = 2.0,
) -> FloatArray:
    """Credit of turns in a dialogue whose turns get few rewards.

    "equal": 1 for each turn. "to_go": :func:`turn_returns`. "exponential":
    1/2 + 1/2 * (1 - exp(-k r)) / (1 - exp(-k)), so that a turn without reward keeps one half.

    Source: UserRL, Qian et al. 2025, arXiv 2509.19736, and its code.

    Args:
        rewards: shape (n, K); in [0, 1] for "exponential".
        mask: shape (n, K), bool.
        how: one of the three.
        gamma: of "to_go".
        steepness: k of "exponential", above 0.

    Returns:
        Shape (n, K).
    """
    mask = _turns(mask)
    (rewards,) = per_token(mask, rewards=rewards)
    if how == "equal":
        return mask.astype(np.float64)
    if how == "to_go":
        return turn_returns(rewards, mask, gamma)
    if how != "exponential":
        raise ValueError(f"how is equal, to_go or exponential, found {how!r}")
    if ((rewards < 0) | (rewards > 1)).any() or not steepness > 0:
        raise ValueError("expected rewards in [0, 1] and a steepness above 0")
    rise = np.expm1(-steepness * rewards) / np.expm1(-steepness)
    return np.where(mask, 0.5 + 0.5 * rise, 0.0)


def trajectory_score(
    rewards: Array, mask: Array, how: Literal["mean", "to_go"], gamma: float = 0.8
) -> FloatArray:
    """One score of a dialogue: the mean reward of its turns, or the return of the first.

    Source: UserRL, Qian et al. 2025, arXiv 2509.19736. Its code takes the mean where the paper says
    sum.

    Args:
        rewards, mask, gamma: as in :func:`turn_returns`.
        how: one of the two.

    Returns:
        Shape (n,); 0 without turns.
    """
    mask = _turns(mask)
    (rewards,) = per_token(mask, rewards=rewards)
    if how == "to_go":
        return turn_returns(rewards, mask, gamma)[:, 0]
    if how != "mean":
        raise ValueError(f"how is mean or to_go, found {how!r}")
    return np.asarray(rewards.sum(axis=1) / np.maximum(mask.sum(axis=1), 1))


def turn_advantages(rewards: Array, mask: Array, groups: Array, gamma: float = 0.9) -> FloatArray:
    """Returns of turns, standardized over the completions of the group that have the turn.

    Source: GTPO (turns), Ding et al. 2025, arXiv 2511.14846.

    Args:
        rewards, mask, gamma: as in :func:`turn_returns`.
        groups: shape (n,).

    Returns:
        Shape (n, K). Over a group each turn sums to 0; 0 where one completion has the turn.
    """
    mask = _turns(mask)
    returns, index = turn_returns(rewards, mask, gamma), Groups(groups).index
    if len(index) != len(mask):
        raise ValueError(f"found {len(index)} labels of groups for {len(mask)} rows")
    advantages = np.zeros_like(returns)
    for k in range(mask.shape[1]):
        here = mask[:, k]
        if here.any():
            advantages[here, k] = z_scores(returns[here, k], Groups(index[here]))
    return advantages


def outcome_targets(
    outcomes: Array, mask: Array, gamma: float = 0.95, from_end: bool = True
) -> FloatArray:
    """Targets of a process reward model: (1 + gamma^distance * (2 * outcome - 1)) / 2.

    Source: AgentPRM, Choudhury 2025, arXiv 2502.10325. Its code discounts by the distance from the
    first step; by default we take the distance to the last one, so that later steps of a success
    are worth more.

    Args:
        outcomes: in [0, 1], shape (n,).
        mask: shape (n, K), bool.
        gamma: in (0, 1].
        from_end: whether distances are counted from the last step.

    Returns:
        Shape (n, K), in [0, 1]; the last step has the outcome itself (the first, as in the code).

    Example:
        >>> outcome_targets(np.array([1.0]), np.ones((1, 3), bool), gamma=0.5)
        array([[0.625, 0.75 , 1.   ]])
    """
    mask = _turns(mask)
    (outcomes,) = per_completion(outcomes=outcomes)
    if len(outcomes) != len(mask) or ((outcomes < 0) | (outcomes > 1)).any() or not 0 < gamma <= 1:
        raise ValueError("expected one outcome in [0, 1] per row, and gamma in (0, 1]")
    place = np.arange(mask.shape[1])
    distance = np.maximum(mask.sum(axis=1)[:, None] - 1 - place, 0) if from_end else place
    return np.where(mask, 0.5 + 0.5 * gamma**distance * (2.0 * outcomes[:, None] - 1.0), 0.0)


def implicit_steps(logp: Array, logp_old: Array, mask: Array, beta: float = 0.05) -> FloatArray:
    """The reward of a step that a trained model implies: beta * log(p(a | o) / p_old(a | o)).

    Source: iStar (OPRL), Liu et al. 2025, arXiv 2509.19199: the model is trained with DPO on ranked
    trajectories; advantages of steps, standardized apart, are added to those of episodes. The value
    of beta was not verified.

    Args:
        logp, logp_old: log-probabilities of each step under the trained and the old policy, shape
            (n, K).
        mask: shape (n, K), bool.
        beta: above 0.

    Returns:
        Shape (n, K). The difference of two row sums is the logit of DPO for the two trajectories.
    """
    new, old = per_token(mask, logp=logp, logp_old=logp_old)
    if not beta > 0:
        raise ValueError(f"beta must be above 0, found {beta!r}")
    return np.asarray(beta * (new - old))


def act_credit(
    acts: Array,
    right: Array,
    mask: Array,
    first: float = 1.0,
    again: float = 0.0,
    wrong: float = -1.0,
) -> FloatArray:
    """Right acts pay at their first time only, repeated ones little, wrong ones cost.

    Source: Visual Rationale Learning, Wang et al. 2025, arXiv 2511.23031; our reading of its
    abstract, with numbers of our own.

    Args:
        acts: what is done at each step, as ids, shape (n, K); equal ids are the same act.
        right: shape (n, K), bool.
        mask: shape (n, K), bool.
        first, again, wrong: rewards, in this order from high to low.

    Returns:
        Shape (n, K).

    Example:
        >>> act_credit([[7, 7, 8]], [[1, 1, 0]], np.ones((1, 3), bool))
        array([[ 1.,  0., -1.]])
    """
    mask, acts, right = _turns(mask), np.asarray(acts), np.asarray(right, bool)
    if acts.shape != mask.shape or right.shape != mask.shape or not first >= again >= wrong:
        raise ValueError("expected acts, right and mask (n, K), and first >= again >= wrong")
    same = (acts[:, :, None] == acts[:, None, :]) & (right & mask)[:, None, :]
    earlier = np.tril(np.ones(same.shape[1:], bool), k=-1)
    repeats = (same & earlier).any(axis=2)
    paid = np.where(right, np.where(repeats, again, first), wrong)
    return np.where(mask, paid, 0.0)


def merged_steps(labels: Array, mask: Array) -> Array:
    """Neighbouring steps with one verdict become one unit, so that splitting a step gains nothing.

    Source: TP-GRPO, He et al. 2025, arXiv 2507.23317; our reading of its abstract.

    Args:
        labels: the verdict of each step, shape (n, K).
        mask: shape (n, K), bool.

    Returns:
        The number of the unit of each step, from 0, shape (n, K); -1 outside of the mask. Merging
        the units again changes nothing.

    Example:
        >>> merged_steps(np.array([[1, 1, 0, 1]]), np.ones((1, 4), bool))
        array([[0, 0, 1, 2]])
    """
    mask, labels = _turns(mask), np.asarray(labels)
    if labels.shape != mask.shape:
        raise ValueError(f"expected labels {mask.shape}, found {labels.shape}")
    new = np.zeros(mask.shape, int)
    new[:, 1:] = labels[:, 1:] != labels[:, :-1]
    return np.where(mask, np.cumsum(new, axis=1), -1)


def query_shaping(final: Array, safe: Array, mask: Array, size: float = 0.1) -> FloatArray:
    """The final reward plus a bonus for each safe query and minus one for each unsafe query.

    Source: SafeSearch, Zhan et al. 2025, arXiv 2510.17017; our reading of its abstract. The mean
    instead of the sum is our choice: it does not pay for more queries.

    Args:
        final: of safety and utility of the answer, shape (n,).
        safe: verdict on each query, shape (n, K), bool.
        mask: which queries exist, shape (n, K), bool.
        size: of bonus and malus, at least 0.

    Returns:
        Shape (n,); ``final`` without queries.
    """
    mask = _turns(mask)
    (final,) = per_completion(final=final)
    (safe,) = per_token(mask, safe=safe)
    if len(final) != len(mask) or size < 0:
        raise ValueError("expected one final reward per row, and a size at least 0")
    signs = np.where(mask, np.where(safe > 0, 1.0, -1.0), 0.0)
    return np.asarray(final + size * signs.sum(axis=1) / np.maximum(mask.sum(axis=1), 1))


def _turns(mask: Array) -> Array:
    mask = as_mask(mask)
    if (mask[:, 1:] > mask[:, :-1]).any():
        raise ValueError("the turns of a completion must stand at the beginning of its row")
    return mask
