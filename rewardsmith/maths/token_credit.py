"""From one reward per completion to rewards or weights of its tokens.

Tokens are arrays of shape (n, T) with a mask of the tokens that the model wrote; results are 0
outside of it. Trainers with one advantage per completion cannot use these; TRL's ``_compute_loss``
and verl's advantage estimators take arrays of shape (n, T).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rewardsmith.maths.completions import Groups, as_mask, last_positions, per_completion, per_token
from rewardsmith.types import Array, FloatArray


def redistribute(rewards: Array, weights: Array, mask: Array, share: float = 0.5) -> FloatArray:
    """A share of the reward goes to tokens in proportion to weights, the rest to the last token.

    share * w_t / sum(w) * R + (1 - share) * R * [t is last].

    Source: ABC, Chan et al. 2024, arXiv 2402.00782, with the attention of the reward model as
    weights; attributions (Koo et al. 2025, arXiv 2504.16272) and marked spans (DRLC, Cao et al.
    2024, arXiv 2401.07382) fit the same formula. As a shaping its potential is the accumulated
    share times R, so that it keeps the optimal policy for undiscounted returns.

    Args:
        rewards: R, shape (n,).
        weights: shape (n, T), at least 0 inside the mask. Where all are 0 everything goes to the
            last token.
        mask: shape (n, T), bool, with at least one token in each row.
        share: beta, in [0, 1].

    Returns:
        Shape (n, T); each row sums to its reward.

    Example:
        >>> redistribute(np.array([1.0]), np.array([[3.0, 1.0]]), np.ones((1, 2), bool))
        array([[0.375, 0.625]])
    """
    mask = as_mask(mask)
    (rewards,) = _rows(mask, rewards=rewards)
    (weights,) = per_token(mask, weights=weights)
    if (weights < 0).any() or not 0 <= share <= 1 or not mask.any(axis=1).all():
        raise ValueError("expected weights at least 0, a share in [0, 1], and no empty completion")
    total, last = weights.sum(axis=1, keepdims=True), last_positions(mask).astype(float)
    spread = np.divide(weights, total, out=last.copy(), where=total > 0)
    return np.asarray(rewards[:, None] * (share * spread + (1.0 - share) * last))


def prefix_differences(scores: Array, empty: Array, mask: Array, share: float = 1.0) -> FloatArray:
    """Each part gets what it adds to the score of the text so far: R(y up to t) - R(y before t).

    Source: RED, Li et al. 2024, arXiv 2411.08302. There every token is a part; a score that is a
    program is cheap enough to be asked after each word or step. With a share below 1 the remainder
    goes to the last part, as in its code; the amount, R(y) - R(empty), is our choice, so that the
    sum does not depend on the share.

    Args:
        scores: of the prefixes that end with each part, shape (n, K).
        empty: of the empty completion, shape (n,).
        mask: which parts exist, shape (n, K), bool, contiguous from the first.
        share: beta_c, in [0, 1].

    Returns:
        Shape (n, K); each row sums to R(y) - R(empty).

    Example:
        >>> scores, mask = np.array([[0.2, 0.9, 0.7]]), np.ones((1, 3), bool)
        >>> prefix_differences(scores, np.zeros(1), mask).round(1)
        array([[ 0.2,  0.7, -0.2]])
    """
    mask = as_mask(mask)
    (empty,) = _rows(mask, empty=empty)
    (scores,) = per_token(mask, scores=scores)
    if (mask[:, 1:] > mask[:, :-1]).any() or not 0 <= share <= 1:
        raise ValueError("parts must be contiguous from the first, and the share in [0, 1]")
    before = np.concatenate([empty[:, None], scores[:, :-1]], axis=1)
    gains = np.where(mask, scores - before, 0.0)
    rest = last_positions(mask) * gains.sum(axis=1, keepdims=True)
    return np.asarray(share * gains + (1.0 - share) * rest)


def shapley_segments(
    value: Callable[[Array], Array], segments: int, samples: int, seed: int
) -> FloatArray:
    """What each segment of one completion adds to its score, averaged over orders of adding them.

    Source: Shapley values by sampled permutations (Castro et al. 2009); as dense rewards Koo et al.
    2025, arXiv 2504.16272, who tune a mixture of several attributions.

    Args:
        value: scores of the completion with some segments removed. It is called once, with bools of
            shape (m, k) that say which segments are kept, and returns shape (m,).
        segments: k, at least 1.
        samples: permutations, at least 1; m is samples * (k + 1).
        seed: of the permutations.

    Returns:
        Shape (k,); sums to value(all) - value(none) for any number of samples.

    Example:
        >>> shapley_segments(lambda kept: kept @ np.array([1.0, 2.0]), 2, samples=1, seed=0)
        array([1., 2.])
    """
    if segments < 1 or samples < 1:
        raise ValueError(f"expected segments and samples from 1, found {segments} and {samples}")
    rng = np.random.default_rng(seed)
    orders = np.argsort(rng.random((samples, segments)), axis=1)
    place = np.argsort(orders, axis=1)  # of each segment in the order
    kept = place[:, None, :] < np.arange(segments + 1)[None, :, None]
    (scores,) = per_completion(value=value(kept.reshape(-1, segments)))
    gains = np.diff(scores.reshape(samples, segments + 1), axis=1)
    return np.asarray(np.take_along_axis(gains, place, axis=1).mean(axis=0))


def on_last_tokens(step_rewards: Array, steps: Array) -> FloatArray:
    """Rewards of steps or turns, on the last token of each.

    Args:
        step_rewards: shape (n, K).
        steps: the step of each token, from 0 to K - 1, shape (n, T); -1 for tokens of none.

    Returns:
        Shape (n, T). Each row sums to the rewards of the steps that have tokens.

    Example:
        >>> on_last_tokens(np.array([[1.0, 2.0]]), np.array([[0, 0, -1, 1]]))
        array([[0., 1., 0., 2.]])
    """
    step_rewards, steps = np.asarray(step_rewards, np.float64), np.asarray(steps)
    if steps.ndim != 2 or step_rewards.ndim != 2 or len(steps) != len(step_rewards):
        raise ValueError(f"expected (n, K) and (n, T), found {step_rewards.shape}, {steps.shape}")
    if steps.dtype.kind not in "iu" or not ((steps >= -1) & (steps < step_rewards.shape[1])).all():
        raise ValueError(f"steps must be integers in -1 to {step_rewards.shape[1] - 1}")
    paid = np.zeros(steps.shape)
    for step in range(step_rewards.shape[1]):
        paid += last_positions(steps == step) * step_rewards[:, step, None]
    return paid


def entropy_weighted(
    correct: Array,
    entropies: Array,
    mask: Array,
    groups: Array,
    base: float = 1.0,
    extra: float = 0.1,
) -> FloatArray:
    """More reward where the model was uncertain and right, more blame where it was sure and wrong.

    At position t, with d right and h wrong completions of the group that are not yet over:
    base + extra * d * H_it / sum_k H_kt for a right one, and
    -(base + extra * h * (1 / H_it) / sum_k (1 / H_kt)) for a wrong one.

    Source: GTPO, Tan et al. 2025, arXiv 2508.04349 (base 1, extra 0.1). These are the rewards; the
    paper standardizes those of right and of wrong completions apart. The entropies are constants
    for the gradient.

    Args:
        correct, groups: shape (n,).
        entropies: of the policy at each token, shape (n, T), at least 0.
        mask: shape (n, T), bool.
        base, extra: alpha_1 and alpha_2.

    Returns:
        Shape (n, T). At each position the rewards of a group sum to (base + extra) * (d or -h).
    """
    mask, within = as_mask(mask), Groups(groups)
    (correct,) = within.of(correct=correct)
    (entropies,) = per_token(mask, entropies=entropies)
    if len(mask) != len(correct) or (entropies < 0).any():
        raise ValueError("entropies have one row per completion and are at least 0")
    right = (correct > 0)[:, None]
    # Without a lower bound one token without entropy would take the whole blame as infinity.
    floor = np.maximum(entropies, 1e-8)
    weights = np.where(mask, np.where(right, floor, 1.0 / floor), 0.0)
    side = 2 * within.index + (correct > 0)
    totals, alive = (
        np.zeros((side.max() + 1, mask.shape[1])),
        np.zeros((side.max() + 1, mask.shape[1])),
    )
    np.add.at(totals, side, weights)
    np.add.at(alive, side, mask.astype(float))
    share = np.divide(weights, totals[side], out=np.zeros_like(weights), where=mask)
    credit = base + extra * alive[side] * share
    return np.where(mask, np.where(right, credit, -credit), 0.0)


def sparse_bonus(
    signal: Array, mask: Array, threshold: float = 0.6, top: int = 15, scale: float = 0.01
) -> FloatArray:
    """A small bonus on the few tokens of a completion where a signal is largest.

    The signal is scaled from 0 to 1 within each completion; of the tokens at or above the
    threshold, the ``top`` largest get scale * value.

    Source: RLFR, Zhang et al. 2025, arXiv 2510.10201, where the signal is how far the velocity of
    hidden states is from a learned flow. That signal is not computed here.

    Args:
        signal: shape (n, T).
        mask: shape (n, T), bool.
        threshold: in [0, 1].
        top: tokens per completion; of equal ones the first.
        scale: of the bonus.

    Returns:
        Shape (n, T), in [0, scale], with at most ``top`` numbers that are not 0 in each row.
    """
    mask = as_mask(mask)
    (signal,) = per_token(mask, signal=signal)
    if not 0 <= threshold <= 1 or top < 0:
        raise ValueError(f"expected a threshold in [0, 1] and top >= 0, found {threshold}, {top}")
    low = np.where(mask, signal, np.inf).min(axis=1, keepdims=True)
    span = np.where(mask, signal, -np.inf).max(axis=1, keepdims=True) - low
    gaps = np.where(mask, signal - low, 0.0)
    value = np.divide(gaps, span, out=np.zeros_like(gaps), where=mask & (span > 0))
    chosen = np.zeros_like(mask)
    best = np.argsort(-np.where(mask, value, -1.0), axis=1, kind="stable")[:, :top]
    np.put_along_axis(chosen, best, True, axis=1)
    return np.where(chosen & (value >= threshold) & mask, scale * value, 0.0)


def ends_weighted(mask: Array, strength: float) -> FloatArray:
    """Weights that are larger at both ends of a completion: 1 + strength * (2 t - 1)^2.

    Source: AVATAR, Kulkarni and Fazli 2025, arXiv 2508.03100. t runs from 0 to 1 over the tokens of
    the mask. Multiply advantages by it.

    Args:
        mask: shape (n, T), bool.
        strength: lambda, at least 0.

    Returns:
        Shape (n, T): 1 in the middle, 1 + strength at the ends; 1 for a single token.

    Example:
        >>> ends_weighted(np.ones((1, 3), bool), strength=0.5)
        array([[1.5, 1. , 1.5]])
    """
    mask = as_mask(mask)
    if strength < 0:
        raise ValueError(f"strength must be at least 0, found {strength!r}")
    count = mask.sum(axis=1, keepdims=True)
    place = np.cumsum(mask, axis=1) - 1.0
    t = np.where(count > 1, place / np.maximum(count - 1, 1), 0.5)
    return np.where(mask, 1.0 + strength * (2.0 * t - 1.0) ** 2, 0.0)


def rewards_from_logits(
    logits: Array, tokens: Array, mask: Array, centre: bool = True
) -> FloatArray:
    """The rewards that a trained model implies: f(s_t, a_t) - max_a f(s_{t+1}, a).

    The logits of a model are read as its Q. After the last token the next value is 0.

    Source: Hao et al. 2022, arXiv 2210.08708, and its code, which centres f by its mean over the
    vocabulary. Logits are Q only up to a function of the state; that function acts as a potential,
    so the sum over a completion is changed only by a constant of the prompt.

    Args:
        logits: f at each position, before its token is chosen, shape (n, T, V).
        tokens: the chosen ids, shape (n, T).
        mask: shape (n, T), bool, contiguous from the first.
        centre: whether to subtract the mean over the vocabulary.

    Returns:
        Shape (n, T).
    """
    mask, tokens = as_mask(mask), np.asarray(tokens)
    f = np.asarray(logits, np.float64)
    if f.ndim != 3 or f.shape[:2] != mask.shape or tokens.shape != mask.shape:
        raise ValueError(f"expected logits (n, T, V) and tokens (n, T), found {f.shape}")
    if (mask[:, 1:] > mask[:, :-1]).any():
        raise ValueError("the tokens of a completion must be contiguous from the first")
    if centre:
        f = f - f.mean(axis=2, keepdims=True)
    inside = np.where(mask, tokens, 0)
    taken = np.take_along_axis(f, inside[:, :, None], axis=2)[:, :, 0]
    after = np.zeros_like(taken)
    after[:, :-1] = np.where(mask[:, 1:], f[:, 1:].max(axis=2), 0.0)
    return np.where(mask, taken - after, 0.0)


def _rows(mask: Array, **arrays: Array) -> tuple[FloatArray, ...]:
    """One number per row of the mask."""
    found = per_completion(**arrays)
    if len(found[0]) != len(mask):
        raise ValueError(f"found {len(found[0])} numbers for {len(mask)} completions")
    return found
