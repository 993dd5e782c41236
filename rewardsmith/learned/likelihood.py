"""How probable a preference between two segments is, given rewards (NumPy).

One formula, three scores of a segment. With scores G of the first and H of the second segment:

    P(first is better) = noise / 2 + (1 - noise) * sigmoid(clip(G - H, -50, 50))

return  sum_t gamma^t r_t (Christiano et al. 2017, arXiv 1706.03741)
regret  sum_t gamma^t A*(s_t, a_t); in deterministic dynamics it is the return plus
        gamma^T V*(s_T) - V*(s_0) (Knox et al. 2022, arXiv 2206.02231)
final   the reward of the last transition (RL-VLM-F, Wang et al. 2024, arXiv 2402.03681, which
        compares single images)
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.maths.preference import trajectory_scores
from rewardsmith.types import Array, FloatArray

Form = Literal["return", "regret", "final"]
CLIP = 50.0  # of a difference of scores; beyond it the probability is 0 or 1 in float64


def segment_scores(
    rewards: FloatArray,
    lengths: Array,
    form: Form = "return",
    gamma: float = 1.0,
    values: FloatArray | None = None,
) -> FloatArray:
    """What each segment is worth under a reward.

    Args:
        rewards: shape (N,), of all segments one after the other.
        lengths: shape (m,), positive integers that sum to N.
        form: which score, see the module.
        gamma: discount per step, counted from the beginning of each segment.
        values: for ``regret``: V* of the first state of each segment and of the state after its
            last step, shape (m, 2). The state after a termination has the value 0.

    Returns:
        Shape (m,).

    Raises:
        UsageError: ``regret`` was asked without values of that shape.

    Example:
        segment_scores(np.array([1.0, 2.0, 3.0]), np.array([2, 1]))  # [3.0, 3.0]
    """
    if form == "final":
        return np.asarray(rewards[np.cumsum(lengths) - 1])
    returns = trajectory_scores(rewards, lengths, "discounted", gamma)
    if form == "return":
        return returns
    first, last = checked_values(values, len(lengths)).T
    return np.asarray(returns + gamma ** np.asarray(lengths, np.float64) * last - first)


def checked_values(values: FloatArray | None, m: int) -> FloatArray:
    """Values of the states at both ends of m segments, shape (m, 2).

    Raises:
        UsageError: there are none, or they have another shape.
    """
    found = None if values is None else np.shape(values)
    if values is None or found != (m, 2):
        raise UsageError(
            f"the form 'regret' needs `values` of shape ({m}, 2), found {found or 'none'}",
            "give V* of the first state of each segment and of the state after its last step",
        )
    return np.asarray(values, np.float64)


def preference_probability(
    first: FloatArray, second: FloatArray, noise: float = 0.0, clip: float = CLIP
) -> FloatArray:
    """The probability that the first of two segments is called the better one.

    Args:
        first, second: scores of the segments, shape (n,).
        noise: the share of answers that are random, in [0, 1].
        clip: the largest difference of scores that counts.

    Returns:
        Shape (n,), in [0, 1]: 0.5 where the scores are equal.

    Example:
        preference_probability(np.array([1.0]), np.array([0.0]))  # [0.731]
    """
    difference = np.clip(np.asarray(first) - np.asarray(second), -clip, clip)
    return np.asarray(0.5 * noise + (1 - noise) / (1 + np.exp(-difference)))


def preference_loss(
    first: FloatArray,
    second: FloatArray,
    label: FloatArray,
    weight: FloatArray | None = None,
    noise: float = 0.0,
    clip: float = CLIP,
) -> float:
    """The mean cross-entropy of labels: ``-label log P - (1 - label) log(1 - P)``.

    Args:
        first, second: scores of the segments, shape (n,).
        label: the probability that the first one is better, shape (n,); a tie is 0.5.
        weight: shape (n,); None counts all pairs alike.
        noise, clip: of :func:`preference_probability`.

    Returns:
        At least 0; finite for finite scores.
    """
    better = preference_probability(first, second, noise, clip)
    worse = preference_probability(second, first, noise, clip)
    losses = -label * np.log(better) - (1 - label) * np.log(worse)
    return float(np.average(losses, weights=weight))


def pair_accuracy(
    difference: FloatArray, label: FloatArray, weight: FloatArray | None = None
) -> float:
    """How often a difference of scores has the sign that the label asks for.

    Args:
        difference: score of the first minus that of the second segment, shape (n,).
        label: shape (n,); ties (0.5) do not count.
        weight: shape (n,); None counts all pairs alike.

    Returns:
        In [0, 1]; an equal score counts half; NaN if no pair counts.
    """
    weight = np.ones(len(label)) if weight is None else np.asarray(weight, np.float64)
    weight = np.where(np.asarray(label) == 0.5, 0.0, weight)
    if not weight.sum() > 0:
        return float("nan")
    right = 0.5 + 0.5 * np.sign(difference) * np.sign(np.asarray(label) - 0.5)
    return float(np.average(right, weights=weight))


def calibration_error(
    probability: FloatArray, label: FloatArray, weight: FloatArray | None = None, bins: int = 10
) -> float:
    """The expected calibration error: how far probabilities are from the labels, by bins.

    Source: Guo et al. 2017, arXiv 1706.04599, for labels in [0, 1].

    Args:
        probability, label: shape (n,).
        weight: shape (n,); None counts all pairs alike.
        bins: number of bins of equal width in [0, 1].

    Returns:
        The mean over pairs of ``|mean probability - mean label|`` of their bin; NaN without pairs.
    """
    weight = np.ones(len(label)) if weight is None else np.asarray(weight, np.float64)
    if not weight.sum() > 0:
        return float("nan")
    bin_of = np.minimum((np.asarray(probability) * bins).astype(int), bins - 1)
    gap = np.bincount(bin_of, weight * (probability - label), minlength=bins)
    return float(np.abs(gap).sum() / weight.sum())
