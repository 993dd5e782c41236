"""Several scores of a judge as one; for verdicts see :func:`rewardsmith.maths.judging.majority`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.types import Array, FloatArray


class MeanScores(NamedTuple):
    """Scores of n items, each a mean over several critiques.

    Attributes:
        mean: shape (n,); NaN where the judge abstains.
        spread: standard deviation over the critiques of each item, shape (n,); 0 for a single one.
        abstained: whether the spread is above the largest allowed, shape (n,), bool.
    """

    mean: FloatArray
    spread: FloatArray
    abstained: Array


def mean_scores(scores: FloatArray, largest_spread: float = np.inf) -> MeanScores:
    """Average the scores that a judge gave after several critiques of the same item.

    With independent critiques the error of the mean is ``1 / sqrt(s)`` of that of one score.

    Source: self-consistency in CLoud (Ankner et al. 2024, arXiv 2408.11791).

    Args:
        scores: shape (n, s): s scores of each item.
        largest_spread: the judge abstains where its scores differ more.

    Raises:
        UsageError: the shape is not (n, s) with s of at least 1.

    Example:
        mean_scores(np.array([[3.0, 5.0, 4.0]])).mean  # [4.0]
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 2 or not scores.shape[1]:
        raise UsageError(f"expected scores of shape (n, s), s at least 1, found {scores.shape}")
    n, s = scores.shape
    spread = scores.std(axis=1, ddof=1) if s > 1 else np.zeros(n)
    abstained = spread > largest_spread
    return MeanScores(np.where(abstained, np.nan, scores.mean(axis=1)), spread, abstained)
