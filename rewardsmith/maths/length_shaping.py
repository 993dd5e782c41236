"""Rewards that look at the length of a completion, in tokens.

``correct`` is 1 where the answer is right and 0 where not; fractions are allowed where it is only a
factor. Lengths are those that the trainer counts (tokens), not characters. See
:mod:`rewardsmith.maths.length_bias` for how much of a reward is length in the first place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.maths.completions import Groups, per_completion
from rewardsmith.types import Array, FloatArray

# Shares of right answers from which a prompt is easy or of medium difficulty.
EASY, MEDIUM = 2 / 3, 1 / 3


def step_bonus(
    correct: Array,
    lengths: Array,
    target: float | Array,
    bonus: float = 0.5,
    explores: Array | None = None,
) -> FloatArray:
    """A bonus for right answers up to a target: correct * (1 + bonus * [length <= target]).

    A step, not a slope: an answer that is short enough gains nothing from being shorter, and a
    wrong one gains nothing at all.

    Source: LASER, Liu et al. 2025, arXiv 2505.15612, and its code; with a target per prompt (see
    :func:`laser_target`) LASER-D, with ``explores`` LASER-DE.

    Args:
        correct: shape (n,), of 0 and 1.
        lengths: shape (n,).
        target: one number, or shape (n,).
        bonus: c, at least 0.
        explores: wrong answers that may search on, because they do not repeat themselves, shape
            (n,), bool. Those longer than the target get the bonus.

    Returns:
        Shape (n,).

    Example:
        >>> step_bonus(np.array([1, 1, 0]), np.array([10, 30, 10]), target=20)
        array([1.5, 1. , 0. ])
    """
    correct, lengths = per_completion(correct=correct, lengths=lengths)
    short = lengths <= np.broadcast_to(np.asarray(target, np.float64), lengths.shape)
    reward = correct * (1.0 + bonus * short)
    if explores is not None:
        (explores,) = per_completion(explores=explores)
        reward = reward + bonus * ((correct == 0) & ~short & (explores > 0))
    return np.asarray(reward)


def laser_target(
    lengths: Array, correct: Array, candidates: Array, group_size: int, share: float
) -> float:
    """The shortest target length at which a group still has a right answer within it.

    The smallest candidate L with covered(L) * expected >= 1. Here covered(L) is the share of the
    right answers that are not longer than L, and expected = max(floor(group_size * share), 1) is
    the least number of right answers in a group of this difficulty.

    Source: LASER-D, Liu et al. 2025, arXiv 2505.15612, and its code. There, difficulty is the share
    of right answers in a group: from 2/3 easy, from 1/3 medium, else hard.

    Args:
        lengths, correct: of answers to monitoring prompts of one difficulty, shape (n,).
        candidates: lengths to choose from, shape (m,).
        group_size: completions per prompt.
        share: the lower bound of the share of right answers: ``EASY``, ``MEDIUM``, or 0 for hard
            prompts.

    Returns:
        One of the candidates; the largest if none covers enough.

    Example:
        >>> lengths, candidates = np.array([100, 200, 300, 400]), np.array([100, 200, 300, 400])
        >>> laser_target(lengths, np.ones(4), candidates, 8, EASY), laser_target(
        ...     lengths, np.ones(4), candidates, 8, 0.0)
        (100.0, 400.0)
    """
    lengths, correct = per_completion(lengths=lengths, correct=correct)
    grid = np.sort(np.asarray(candidates, np.float64))
    if grid.ndim != 1 or not len(grid) or group_size < 1 or not 0 <= share <= 1:
        raise ValueError("expected candidates of shape (m,), a group size, and a share in [0, 1]")
    right = lengths[correct > 0]
    expected = max(int(group_size * share), 1)
    for target in grid:
        if (right <= target).sum() * expected >= max(len(right), 1):
            return float(target)
    return float(grid[-1])


def linear_penalty(correct: Array, lengths: Array, weight: float) -> FloatArray:
    """Right or wrong, minus a price per token: correct - weight * length.

    Source: A-DLP, Su and Cardie 2025, arXiv 2505.18298, whose weight follows the accuracy:
    :class:`rewardsmith.maths.controllers.DualWeight`.

    Args:
        correct, lengths: shape (n,).
        weight: lambda, at least 0.

    Returns:
        Shape (n,). Wrong answers gain from being short, too.
    """
    correct, lengths = per_completion(correct=correct, lengths=lengths)
    return np.asarray(correct - weight * lengths)


def group_relative_length(correct: Array, lengths: Array, groups: Array) -> FloatArray:
    """The length of an answer between the shortest and the longest of its group.

    l = 1/2 - (length - min) / (max - min) for right answers, min(0, l) for wrong ones.

    Source: Kimi k1.5, 2025, arXiv 2501.12599; used by ThinkDial, He et al. 2025, arXiv 2508.18773.
    Add it to the reward with a factor (0.4 is usual).

    Args:
        correct, lengths, groups: shape (n,).

    Returns:
        Shape (n,), in [-1/2, 1/2]: 1/2 for the shortest if right, -1/2 for the longest, 0 in a
        group of one length. Wrong answers never gain.

    Example:
        >>> group_relative_length(np.array([1, 1, 0]), np.array([10, 30, 10]), np.zeros(3))
        array([ 0.5, -0.5,  0. ])
    """
    within = Groups(groups)
    correct, lengths = within.of(correct=correct, lengths=lengths)
    lowest = within.lowest(lengths)
    span = within.spread_out(within.highest(lengths) - lowest)
    above = lengths - within.spread_out(lowest)
    relative = 0.5 - np.divide(above, span, out=np.full_like(above, 0.5), where=span > 0)
    return np.where(correct > 0, relative, np.minimum(relative, 0.0))


def effort_reward(
    correct: Array, lengths: Array, groups: Array, factor: Array, leaks: Array
) -> FloatArray:
    """The reward for answers in modes of effort: correct + a(mode) * length term -+ leak.

    Source: ThinkDial, He et al. 2025, arXiv 2508.18773. That an answer without a leak gets +1/2 is
    our reading of "a leak term of one half".

    Args:
        correct, lengths, groups: as in :func:`group_relative_length`.
        factor: a(mode) of each completion, shape (n,): 0 for high effort, 1/2 medium, 1 low.
        leaks: where reasoning stands in the answer instead of its own part, shape (n,), bool.

    Returns:
        Shape (n,), in [-1, 2].
    """
    relative = group_relative_length(correct, lengths, groups)
    correct, factor, leaks = per_completion(correct=correct, factor=factor, leaks=leaks)
    return np.asarray(correct + factor * relative + np.where(leaks > 0, -0.5, 0.5))


class CosineEnds(NamedTuple):
    """What the cosine reward pays at length 0 and at the limit; defaults of the released code."""

    right_short: float = 2.0
    right_long: float = 1.0
    wrong_short: float = -10.0
    wrong_long: float = 0.0
    exceeds: float = -10.0


def cosine_length(
    correct: Array, lengths: Array, limit: float, ends: CosineEnds | None = None
) -> FloatArray:
    """A reward that moves along half a cosine with length; wrong answers gain from going on.

    long + (short - long) / 2 * (1 + cos(pi * length / limit)).

    Source: Yeo et al. 2025, arXiv 2502.03373, and its code.

    Args:
        correct, lengths: shape (n,).
        limit: from this length on every answer gets ``ends.exceeds``; above 0.
        ends: the rewards at both ends.

    Returns:
        Shape (n,). With the defaults right answers fall from 2 to 1, and wrong ones rise from -10
        to 0.

    Example:
        >>> cosine_length(np.array([1, 1, 0, 1]), np.array([0, 50, 50, 100]), limit=100)
        array([  2. ,   1.5,  -5. , -10. ])
    """
    ends = ends or CosineEnds()
    correct, lengths = per_completion(correct=correct, lengths=lengths)
    if not limit > 0:
        raise ValueError(f"limit must be above 0, found {limit!r}")
    short = np.where(correct > 0, ends.right_short, ends.wrong_short)
    long = np.where(correct > 0, ends.right_long, ends.wrong_long)
    along = long + 0.5 * (short - long) * (1.0 + np.cos(np.pi * lengths / limit))
    return np.where(lengths >= limit, ends.exceeds, along)


def soft_overlong(lengths: Array, limit: int, margin: int) -> FloatArray:
    """A penalty that begins shortly before the limit: 0, then linear, then -1.

    Source: DAPO, Yu et al. 2025, arXiv 2503.14476; used by Yu et al. 2025, arXiv 2510.11701. TRL
    has it as ``get_soft_overlong_punishment``.

    Args:
        lengths: shape (n,).
        limit: the longest completion.
        margin: tokens before the limit in which the penalty grows, in 1 to ``limit``.

    Returns:
        Shape (n,), in [-1, 0]: 0 up to limit - margin, -1 from the limit on.
    """
    (lengths,) = per_completion(lengths=lengths)
    if not 0 < margin <= limit:
        raise ValueError(f"margin must be in 1 to the limit {limit}, found {margin!r}")
    return np.clip((limit - margin - lengths) / margin, -1.0, 0.0)


def segment_penalty(counts: Array, groups: Array, weights: Array) -> FloatArray:
    """A penalty on many segments of reasoning, stronger for short ones: -sum_k w_k * z(count_k).

    Source: GRSP, Song et al. 2025, arXiv 2510.09535. The weights were not verified; that z is taken
    within the group of a prompt is our reading.

    Args:
        counts: segments of each completion by cluster of length, the shortest first, shape (n, K).
        groups: shape (n,).
        weights: w_k, shape (K,), at least 0 and not increasing.

    Returns:
        Shape (n,); sums to 0 over each group. Of two completions with equal tokens, the one with
        more and shorter segments gets less.
    """
    counts, weights = np.asarray(counts, np.float64), np.asarray(weights, np.float64)
    if counts.ndim != 2 or weights.shape != counts.shape[1:]:
        raise ValueError(
            f"expected counts (n, K) and weights (K,), found {counts.shape} and {weights.shape}"
        )
    if (weights < 0).any() or (np.diff(weights) > 0).any():
        raise ValueError(f"weights must be at least 0 and not increase, found {weights}")
    within, penalty = Groups(groups), np.zeros(len(counts))
    for weight, column in zip(weights, counts.T, strict=True):
        (column,) = within.of(counts=column)
        penalty -= weight * z_scores(column, within)
    return penalty


def mode_balanced(
    correct: Array, thinks: Array, threshold: float = 0.5, slope: float = 2.0
) -> FloatArray:
    """Rewards for answers with and without reasoning that keep a batch from using one of them only.

    With reasoning right 1, wrong 0; without it right 2, wrong -1. If a mode's share of the batch
    exceeds the threshold, its rewards move by min(slope * (share - threshold), 1) towards 0 and -1
    with reasoning, 1 and -2 without.

    Source: AutoThink, Tu et al. 2025, arXiv 2505.10832, first stage, and its code.

    Args:
        correct: shape (n,), of 0 and 1; the whole batch.
        thinks: whether there is reasoning, shape (n,), bool.
        threshold, slope: as above.

    Returns:
        Shape (n,).

    Example:
        >>> mode_balanced(np.array([1, 0, 1, 0]), np.array([1, 1, 0, 0]))
        array([ 1.,  0.,  2., -1.])
        >>> mode_balanced(np.array([1, 0]), np.array([1, 1]))
        array([ 0., -1.])
    """
    correct, thinks = per_completion(correct=correct, thinks=thinks)
    mode = (thinks > 0).astype(int)
    share = np.array([1.0 - mode.mean(), mode.mean()])
    move = np.clip(slope * (share - threshold), 0.0, 1.0)[mode]
    right = correct > 0
    base = np.where(right, np.array([2.0, 1.0])[mode], np.array([-1.0, 0.0])[mode])
    worse = np.where(right, np.array([1.0, 0.0])[mode], np.array([-2.0, -1.0])[mode])
    return np.asarray((1.0 - move) * base + move * worse)


def exponential_length(
    correct: Array, lengths: Array, groups: Array, alpha: float = 0.05, beta: float = 0.05
) -> FloatArray:
    """Among the right answers of a group the short ones gain, among the wrong ones the long ones.

    exp(-alpha z) - 1 where right, 1 - exp(-beta z) where wrong, with z the standardized length
    among the right or the wrong answers of the group.

    Source: AutoThink, Tu et al. 2025, arXiv 2505.10832, third stage, and its code.

    Args:
        correct, lengths, groups: shape (n,).
        alpha, beta: at least 0.

    Returns:
        Shape (n,), to be added to the reward; 0 at the mean length, and for an answer that is the
        only right or the only wrong one.
    """
    correct, lengths = per_completion(correct=correct, lengths=lengths)
    right = correct > 0
    apart = Groups(2 * Groups(groups).index + right)
    (lengths,) = apart.of(lengths=lengths)
    z = z_scores(lengths, apart)
    return np.where(right, np.exp(-alpha * z) - 1.0, 1.0 - np.exp(-beta * z))


def z_scores(values: FloatArray, groups: Groups) -> FloatArray:
    """Values minus their mean over their standard deviation in each group, shape (n,).

    0 in groups without spread. The standard deviation divides by the size minus 1.
    """
    std = groups.spread_out(groups.std(values))
    gaps = values - groups.spread_out(groups.mean(values))
    return np.divide(gaps, std, out=np.zeros_like(gaps), where=std > 0)
