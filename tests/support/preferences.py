"""Segments and pairs whose true reward is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.learned.model import RewardModel
from rewardsmith.learned.pairs import Pairs


class Judged(NamedTuple):
    """Segments that were compared by their true returns, which are linear in ``x``."""

    segments: list[dict[str, np.ndarray]]
    pairs: Pairs
    weights: np.ndarray  # of the true reward, shape (d,)


def judged(seed: int, pairs: int, d: int = 6, steps: int = 1, flips: float = 0.0) -> Judged:
    """Independent pairs of random segments; a share of the labels is wrong."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=d)
    segments = [{"x": rng.normal(size=(steps, d))} for _ in range(2 * pairs)]
    returns = np.array([(segment["x"] @ weights).sum() for segment in segments])
    first, second = np.arange(pairs), np.arange(pairs, 2 * pairs)
    right = returns[first] > returns[second]
    label = np.where(rng.random(pairs) < flips, ~right, right).astype(float)
    return Judged(segments, Pairs.of(first, second, label), weights)


def accuracy(model: RewardModel, weights: np.ndarray, steps: int = 1) -> float:
    """The share of 2,000 new pairs of segments that a model orders as the true returns do."""
    x = np.random.default_rng(99).normal(size=(4000, steps, len(weights)))
    learned = model({"x": x.reshape(-1, len(weights))}).reshape(4000, steps).sum(axis=1)
    true = (x @ weights).sum(axis=1)
    return float(np.mean((learned[:2000] > learned[2000:]) == (true[:2000] > true[2000:])))
