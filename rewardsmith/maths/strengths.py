"""The strengths of items that were compared two by two (Bradley and Terry 1952)."""

from __future__ import annotations

import numpy as np

from rewardsmith.types import FloatArray

_PRIOR = 0.5  # wins and losses against an item of strength 0, which keep strengths finite
_ROUNDS, _CLOSE = 1000, 1e-9


def strengths(wins: FloatArray) -> FloatArray:
    """The strengths under which the comparisons are the most likely.

    Item i wins against j with probability ``1 / (1 + exp(s_j - s_i))``. Every item also has half a
    win and half a loss against an item of strength 0, so that one that won every time is finite.
    Source: minorisation and maximisation, Hunter 2004, doi 10.1214/aos/1079120141.

    Args:
        wins: shape (k, k): how often item i (row) won against item j (column); a tie is half a win
            of either.

    Returns:
        Shape (k,); all 0 without comparisons.

    Example:
        strengths(np.array([[0.0, 2.0], [1.0, 0.0]]))  # the first one is stronger
    """
    games = wins + wins.T
    won = wins.sum(axis=1) + _PRIOR
    worth = np.ones(len(wins))
    for _ in range(_ROUNDS):
        expected = games / (worth[:, None] + worth[None, :])
        update: FloatArray = won / (expected.sum(axis=1) + 2 * _PRIOR / (worth + 1))
        settled = bool(np.allclose(update, worth, rtol=_CLOSE, atol=0))
        worth = update
        if settled:
            break
    return np.asarray(np.log(worth))
