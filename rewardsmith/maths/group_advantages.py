"""Advantages of completions, from the rewards of all completions of a prompt.

Every function takes rewards and groups, shape (n,), and returns one advantage per completion.
Those that differ only in the denominator differ in what they remove: see
:mod:`rewardsmith.maths.group_scaling`.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.maths.completions import Groups, as_mask, per_token
from rewardsmith.types import Array, FloatArray

EPSILON = 1e-4  # added to standard deviations, as in TRL


def centred(rewards: Array, groups: Array) -> FloatArray:
    """Reward minus the mean of the group.

    Source: Dr. GRPO, Liu et al. 2025, arXiv 2503.20783. TRL: ``scale_rewards="none"``.

    Args:
        rewards, groups: shape (n,).

    Returns:
        Shape (n,); sums to 0 over each group. A constant that is added to all rewards of a group
        changes nothing; a factor scales the advantages.

    Example:
        >>> centred(np.array([1.0, 0.0, 3.0, 3.0]), np.array([0, 0, 1, 1]))
        array([ 0.5, -0.5,  0. ,  0. ])
    """
    within = Groups(groups)
    (rewards,) = within.of(rewards=rewards)
    return np.asarray(rewards - within.spread_out(within.mean(rewards)))


def group_scaled(rewards: Array, groups: Array, epsilon: float = EPSILON) -> FloatArray:
    """Reward minus the mean of the group, over the standard deviation of the group.

    Source: GRPO, Shao et al. 2024, arXiv 2402.03300. TRL: ``scale_rewards="group"``, its default.
    The standard deviation divides by the group size minus 1, as in TRL and verl.

    Args:
        rewards, groups: shape (n,).
        epsilon: added to the standard deviation.

    Returns:
        Shape (n,); sums to 0 over each group; 0 in groups without spread. A factor above 0 and a
        constant, which may differ between groups, change nothing, up to epsilon.

    Example:
        >>> groups = np.array([0, 0, 1, 1])
        >>> group_scaled(np.array([1.0, 0.0, 1e-3, 0.0]), groups, epsilon=0).round(3)
        array([ 0.707, -0.707,  0.707, -0.707])
    """
    within = Groups(groups)
    gaps = centred(rewards, groups)
    return _over(gaps, within.spread_out(within.std(gaps)), epsilon)


def batch_scaled(rewards: Array, groups: Array, epsilon: float = EPSILON) -> FloatArray:
    """Reward minus the mean of the group, over the standard deviation of the whole batch.

    Source: TRL, ``scale_rewards="batch"``. Relations between groups remain; the overall scale goes.

    Args:
        rewards, groups, epsilon: as in :func:`group_scaled`.

    Returns:
        Shape (n,); sums to 0 over each group.
    """
    gaps = centred(rewards, groups)
    std = np.std(np.asarray(rewards, np.float64), ddof=1) if len(gaps) > 1 else 0.0
    return _over(gaps, np.full_like(gaps, std), epsilon)


def leave_one_out(rewards: Array, groups: Array) -> FloatArray:
    """Reward minus the mean of the other completions of the group.

    Source: RLOO, Ahmadian et al. 2024, arXiv 2402.14740.

    Args:
        rewards, groups: shape (n,).

    Returns:
        Shape (n,); sums to 0 over each group. It equals size / (size - 1) times :func:`centred`, so
        it is an unbiased estimate where :func:`centred` is smaller by that factor. 0 in a group of
        one.
    """
    within = Groups(groups)
    sizes = within.spread_out(within.sizes)
    return np.asarray(centred(rewards, groups) * sizes / np.maximum(sizes - 1, 1))


def terms_scaled(
    terms: Array, groups: Array, weights: Array, epsilon: float = EPSILON
) -> FloatArray:
    """The weighted sum of the advantages of each term, where each is scaled by its own group.

    If terms are summed first, the one with the largest spread decides, and different combinations
    of terms with equal sums get equal advantages.

    Source: TRL, ``multi_objective_aggregation="normalize_then_sum"`` (GDPO), without its further
    normalization over the batch.

    Args:
        terms: shape (n, k).
        groups: shape (n,).
        weights: shape (k,).
        epsilon: as in :func:`group_scaled`.

    Returns:
        Shape (n,). The unit of a term changes nothing, up to epsilon.
    """
    terms, weights = np.asarray(terms, np.float64), np.asarray(weights, np.float64)
    if terms.ndim != 2 or weights.shape != terms.shape[1:]:
        raise ValueError(
            f"expected terms (n, k) and weights (k,), found {terms.shape} and {weights.shape}"
        )
    scaled = np.stack([group_scaled(term, groups, epsilon) for term in terms.T], axis=1)
    return np.asarray(scaled @ weights)


def conditional(
    rewards: Array,
    metric: Array,
    groups: Array,
    alpha: float = 1.0,
    beta: float = 0.0,
    share: float = 1.0,
) -> FloatArray:
    """Advantages between the two halves of a group, split at the median of a metric.

    The half with the higher metric gets
    share * (alpha * r - mean(low) + beta) + (1 - share) * (r - mean(high)), the other one
    share * (r - alpha * mean(high) - beta) + (1 - share) * (r - mean(low)).
    Whether long answers (or uncertain ones, if the metric is the entropy) do better is learned
    instead of assumed.

    Source: CANON, Chen et al. 2025, arXiv 2509.23962, and its code, without the division by the
    longest length. With an odd size, the higher half has one more, as there.

    Args:
        rewards, groups: shape (n,).
        metric: for example the length or the mean entropy, shape (n,); equal values are split in
            the order of the batch.
        alpha: above 1 it amplifies the rewards of the higher half.
        beta: above 0 it favours the higher half.
        share: lambda, of the comparison between the halves, in [0, 1].

    Returns:
        Shape (n,); 0 in a group of one. With alpha 1 and beta 0, a metric of the other sign changes
        nothing where the size is even and the values differ, and the sum over such a group is 0.

    Example:
        >>> conditional(np.array([1.0, 0, 1, 1]), np.array([1, 2, 3, 4]), np.zeros(4))
        array([ 0. , -1. ,  0.5,  0.5])
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be in [0, 1], found {share!r}")
    within = Groups(groups)
    rewards, metric = within.of(rewards=rewards, metric=metric)
    order = np.lexsort((metric, within.index))
    rank = np.empty(len(rewards), int)
    starts = within.spread_out(np.cumsum(within.sizes) - within.sizes)
    rank[order] = np.arange(len(rewards))
    high = rank - starts >= within.spread_out(within.sizes // 2)
    mean_high, mean_low = (
        within.spread_out(
            within.total(rewards * half) / np.maximum(within.total(half.astype(float)), 1)
        )
        for half in (high, ~high)
    )
    between = np.where(high, alpha * rewards - mean_low + beta, rewards - alpha * mean_high - beta)
    inside = rewards - np.where(high, mean_high, mean_low)
    advantages = share * between + (1.0 - share) * inside
    return np.where(within.spread_out(within.sizes) > 1, advantages, 0.0)


def zero_variance(
    advantages: Array,
    correct: Array,
    entropies: Array,
    mask: Array,
    groups: Array,
    alpha: float = 0.1,
) -> FloatArray:
    """Advantages per token that also learn from groups in which all or no answers are right.

    All right: alpha * H_t. None right: -alpha * (max over the completion of H - H_t), so that the
    tokens where the model was sure are blamed most. Other groups keep their advantages.

    Source: RL-ZVP, Le et al. 2025, arXiv 2509.21880; alpha was not verified.

    Args:
        advantages: of :func:`centred` or another function, shape (n,).
        correct, groups: shape (n,).
        entropies: of the policy at each token, shape (n, T), at least 0.
        mask: shape (n, T), bool.
        alpha: at least 0.

    Returns:
        Shape (n, T); 0 outside of the mask.
    """
    mask, within = as_mask(mask), Groups(groups)
    advantages, correct = within.of(advantages=advantages, correct=correct)
    (entropies,) = per_token(mask, entropies=entropies)
    if len(mask) != len(correct) or (entropies < 0).any():
        raise ValueError("entropies have one row per completion and are at least 0")
    right = within.spread_out(within.lowest(correct)) > 0
    wrong = within.spread_out(within.highest(correct)) <= 0
    gaps = entropies.max(axis=1, keepdims=True) - entropies
    per_tokens = np.where(right[:, None], alpha * entropies, advantages[:, None])
    return np.where(mask, np.where(wrong[:, None], -alpha * gaps, per_tokens), 0.0)


def _over(gaps: FloatArray, std: FloatArray, epsilon: float) -> FloatArray:
    """Gaps over standard deviations; 0 where these are 0."""
    if epsilon < 0:
        raise ValueError(f"epsilon must be at least 0, found {epsilon!r}")
    return np.divide(gaps, std + epsilon, out=np.zeros_like(gaps), where=std > 0)
