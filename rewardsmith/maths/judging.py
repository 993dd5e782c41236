"""Judgements of pairs: where models disagree, and how far labellers can be relied on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb

import numpy as np

from rewardsmith.types import Array, FloatArray


def disagreement(scores: FloatArray) -> FloatArray:
    """How far models disagree about which of two items is better.

    Source: query selection by ensemble disagreement, Christiano et al. 2017, arXiv 1706.03741.

    Args:
        scores: shape (k, m): what each of k models gives each of m items. An equal score counts
            half for either.

    Returns:
        Shape (m, m), symmetric: 0 where all models agree, 1 where they are divided evenly.

    Example:
        disagreement(np.array([[1.0, 2.0], [2.0, 1.0]]))[0, 1]  # 1.0
    """
    above = np.sign(scores[:, :, None] - scores[:, None, :])
    share: FloatArray = 1 - np.abs(above.mean(axis=0))
    np.fill_diagonal(share, 0.0)
    return share


def in_order(scores: FloatArray, better: Array, worse: Array) -> FloatArray:
    """Whether scores keep the order of judged pairs: 1, 0.5 where they are equal, or 0.

    Args:
        scores: shape (m,).
        better, worse: places of the better and of the worse item of each pair, shape (n,).

    Returns:
        Shape (n,); 0 where a score is not finite.
    """
    one, other = scores[better], scores[worse]
    kept = np.where(one > other, 1.0, np.where(one == other, 0.5, 0.0))
    return np.where(np.isfinite(one) & np.isfinite(other), kept, 0.0)


def left_share(answers: Sequence[str | None]) -> float | None:
    """How often the item on the left was called better; None without such answers.

    Half is expected if sides are drawn at random: more or less is a bias towards a position.

    Args:
        answers: ``first`` is the left one; others than ``first`` and ``second`` do not count.
    """
    sided = [answer for answer in answers if answer in ("first", "second")]
    return sided.count("first") / len(sided) if sided else None


def majority(votes: Sequence[str | None]) -> str | None:
    """The answer of more than half of the votes; None if there is none.

    Args:
        votes: an answer each; None is a vote for no answer.

    Example:
        majority(["first", "first", "same"])  # "first"
        majority(["first", "second"])  # None
    """
    answer, count = Counter(votes).most_common(1)[0] if votes else (None, 0)
    return answer if 2 * count > len(votes) else None


def agreement(votes: Sequence[Sequence[str | None]]) -> float | None:
    """How often two votes on the same item are equal; None without two votes on an item.

    The share of equal pairs of votes is averaged over the items: the observed agreement of Fleiss
    1971, Measuring nominal scale agreement among many raters.

    Args:
        votes: for each item its votes; None is a vote for no answer.

    Example:
        agreement([["first", "first"], ["first", "second"]])  # 0.5
    """
    shares = []
    for item in votes:
        if len(item) > 1:
            equal = sum(comb(count, 2) for count in Counter(item).values())
            shares.append(equal / comb(len(item), 2))
    return sum(shares) / len(shares) if shares else None


def first_deciding(values: FloatArray, directions: Array, margins: FloatArray) -> Array:
    """Which of ranked factors decides each pair of items, and for which item.

    A pair is decided by the first factor whose values differ by more than its margin.

    Source: ranked factors, Bukharin et al. 2023 (HERON), arXiv 2309.02632.

    Args:
        values: of each item, most important factor first, shape (m, f). A factor that is not finite
            decides nothing.
        directions: 1 if more of the factor is better, -1 if less is, shape (f,).
        margins: shape (f,), in the units of the factors.

    Returns:
        Shape (m, m), int, antisymmetric: k if factor k, counted from 1, decides for the item of the
        row, -k if it decides for the item of the column, 0 if no factor decides.

    Example:
        first_deciding(np.array([[1.0, 5.0], [1.2, 3.0]]), np.array([1, 1]), np.array([0.5, 0.0]))
        # [[0, 2], [-2, 0]]: the first factor differs by less than its margin
    """
    found = np.zeros((len(values), len(values)), np.int64)
    for place, (column, direction, margin) in enumerate(
        zip(values.T, directions, margins, strict=True), 1
    ):
        known = np.where(np.isfinite(column), column, np.nan)
        ahead = direction * (known[:, None] - known[None, :])
        decided = (ahead > margin).astype(np.int64) - (ahead < -margin)
        found = np.where(found == 0, place * decided, found)
    return found


def cycles_of_three(better: Array, worse: Array) -> int:
    """The number of triples of items that were judged in a circle.

    The first is better than the second, the second better than the third, and the third better than
    the first: no scores keep the order of all three pairs.

    Source: circular triads, Kendall and Babington Smith 1940, On the method of paired comparisons.

    Args:
        better, worse: numbers of the better and of the worse item of each pair, shape (n,).

    Example:
        cycles_of_three(np.array([0, 1, 2]), np.array([1, 2, 0]))  # 1
    """
    count = 1 + max([*better, *worse], default=-1)
    above = np.zeros((count, count), np.int64)
    above[better, worse] = 1
    return int(np.trace(above @ above @ above)) // 3
