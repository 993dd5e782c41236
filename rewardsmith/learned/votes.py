"""Several answers of judges as one: means of scores, and majorities in both orders."""

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


def alternating_orders(n: int, votes: int) -> Array:
    """In which votes the second item of a pair is shown first, shape (n, votes), bool.

    Orders alternate within a pair. With an odd number of votes, every second pair begins with the
    other order, so that over all pairs both orders are equally frequent.

    Example:
        alternating_orders(2, 3)  # [[False, True, False], [True, False, True]]
    """
    return np.asarray(np.add.outer(np.arange(n), np.arange(votes)) % 2 == 1)


class PanelVerdict(NamedTuple):
    """What a panel says about n pairs.

    Attributes:
        better: 1 where the first item is better, -1 where the second is, 0 for a draw; (n,), int.
        share: the share of the votes that agree with it, shape (n,); of draws, 0.5.
        unanimous: whether all votes agree, shape (n,), bool.
    """

    better: Array
    share: FloatArray
    unanimous: Array


def panel_verdict(votes: Array, swapped: Array) -> PanelVerdict:
    """The majority of several votes on each pair, asked in both orders.

    Sources: the panel of MOOSE-Chem2 (Yang et al. 2025, arXiv 2505.19209), which accepts what
    three judges agree on and lets a further request decide the rest; both orders, which it does
    not use, against position bias (Zheng et al. 2023, arXiv 2306.05685).

    Args:
        votes: 1 for the item that was shown first, -1 for the other one, 0 for an abstention;
            shape (n, v).
        swapped: whether the second item was shown first, shape (n, v), bool, for example
            :func:`alternating_orders`.

    Raises:
        UsageError: the shapes differ, or a vote is none of 1, 0 and -1.

    Example:
        panel_verdict(np.array([[1, -1, 1]]), np.array([[False, True, False]])).better  # [1]
    """
    votes, swapped = np.asarray(votes), np.asarray(swapped, bool)
    if votes.ndim != 2 or votes.shape != swapped.shape or not np.isin(votes, (-1, 0, 1)).all():
        raise UsageError(
            f"expected votes of 1, 0 or -1 and orders of the same shape (n, v), found shapes "
            f"{votes.shape} and {swapped.shape}"
        )
    sides = np.where(swapped, -votes, votes)
    better = np.sign(sides.sum(axis=1)).astype(int)
    cast = np.maximum((sides != 0).sum(axis=1), 1)
    agreeing = (sides == better[:, None]).sum(axis=1)
    share = np.where(better == 0, 0.5, agreeing / cast)
    return PanelVerdict(better, share, (better != 0) & (agreeing == votes.shape[1]))
