"""Judgements of pairs: where models disagree, and how far labellers can be relied on."""

from __future__ import annotations

from collections.abc import Sequence

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


def left_share(answers: Sequence[str]) -> float | None:
    """How often the item on the left was called better; None without such answers.

    Half is expected if sides are drawn at random: more or less is a bias towards a position.

    Args:
        answers: ``first`` is the left one; others than ``first`` and ``second`` do not count.
    """
    sided = [answer for answer in answers if answer in ("first", "second")]
    return sided.count("first") / len(sided) if sided else None
