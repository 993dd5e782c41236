"""How much of a reward, and of what a training gained, is length.

The same functions take any other covariate that should not matter: the number of bullet points, of
steps, of quotations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.maths.completions import per_completion
from rewardsmith.types import Array


def nuisance_share(scores: Array, features: Array) -> float:
    """The share of the variance of scores that a linear function of features explains: R squared.

    Source: the question is that of A Long Way to Go, Singhal et al. 2023, arXiv 2310.03716, who
    train on length alone; the measure is our choice. Compute it within equally right completions
    to see whether length pays.

    Args:
        scores: shape (n,).
        features: lengths and others, shape (n,) or (n, d), with n > d + 1.

    Returns:
        In [0, 1]; 0 for constant scores.

    Example:
        >>> lengths = np.array([1.0, 2.0, 3.0, 4.0])
        >>> round(nuisance_share(0.1 * lengths, lengths), 6)
        1.0
    """
    (scores,) = per_completion(scores=scores)
    columns = np.asarray(features, np.float64).reshape(len(scores), -1)
    if not np.isfinite(columns).all() or len(scores) <= columns.shape[1] + 1:
        raise ValueError("features must be finite, with more completions than features plus 1")
    if np.ptp(scores) == 0:
        return 0.0
    centred, columns = scores - scores.mean(), columns - columns.mean(axis=0)
    fitted = columns @ np.linalg.lstsq(columns, centred, rcond=None)[0]
    return float(np.clip(fitted @ fitted / (centred @ centred), 0.0, 1.0))


class Gain(NamedTuple):
    """The gain of a training in mean score, in two parts that sum to it.

    Attributes:
        total: mean score after minus mean score before.
        within: better completions of the same length.
        shift: other lengths, which the score prefers.
    """

    total: float
    within: float
    shift: float


def gain_by_length(
    before: Array, after: Array, lengths_before: Array, lengths_after: Array, edges: Array
) -> Gain:
    """Whether completions became better, or only as long as the score prefers.

    With shares p_b and mean scores m_b of bins of length, the gain is the sum over bins of
    (p_b + p'_b)/2 * (m'_b - m_b), within, and of (m_b + m'_b)/2 * (p'_b - p_b), the shift. A bin
    that is empty before or after has the mean of the other side, so that it counts as shift.

    Source: the comparison within bins of A Long Way to Go, Singhal et al. 2023, arXiv 2310.03716;
    the symmetric decomposition is that of Kitagawa 1955.

    Args:
        before, lengths_before: scores and lengths of the initial policy's completions, shape (n,).
        after, lengths_after: of the trained policy, shape (m,).
        edges: inner edges of the bins of length, increasing, shape (k,).

    Returns:
        The parts; ``within + shift == total`` up to rounding.

    Example:
        >>> gain_by_length([0, 1], [1, 1], [10, 90], [90, 90], edges=[50])
        Gain(total=0.5, within=0.0, shift=0.5)
    """
    before, lengths_before = per_completion(before=before, lengths_before=lengths_before)
    after, lengths_after = per_completion(after=after, lengths_after=lengths_after)
    inner = np.asarray(edges, np.float64)
    if inner.ndim != 1 or (np.diff(inner) <= 0).any():
        raise ValueError(f"edges must have shape (k,) and increase, found {edges}")
    counts, means = np.zeros((2, len(inner) + 1)), np.zeros((2, len(inner) + 1))
    for row, (scores, lengths) in enumerate(((before, lengths_before), (after, lengths_after))):
        bins = np.digitize(lengths, inner)
        counts[row] = np.bincount(bins, minlength=len(inner) + 1)
        sums = np.bincount(bins, scores, len(inner) + 1)
        means[row] = sums / np.maximum(counts[row], 1)
    means = np.where(counts > 0, means, means[::-1])
    shares = counts / counts.sum(axis=1, keepdims=True)
    within = float(shares.mean(axis=0) @ (means[1] - means[0]))
    shift = float(means.mean(axis=0) @ (shares[1] - shares[0]))
    return Gain(float(after.mean() - before.mean()), within, shift)
