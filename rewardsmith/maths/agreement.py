"""Agreement of a reward, and of each of its terms, with fitness over trajectories."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rewardsmith.types import FloatArray


def kendall_tau(one: FloatArray, other: FloatArray) -> float | None:
    """Kendall's tau-b: pairs in the same order minus pairs in opposite order; in [-1, 1].

    Ties are accounted for. None where one of the two has the same value everywhere.

    Args:
        one, other: shape (m,), finite.
    """
    from scipy.stats import kendalltau

    if len(one) < 2:
        return None
    tau = float(kendalltau(one, other).statistic)
    return None if math.isnan(tau) else tau


def teacher_variance(returns: FloatArray) -> float:
    """Variance of the returns of a policy's episodes, divided by their squared range; in [0, 1/4].

    A reward that gives every episode the same return teaches nothing, however right it is: the
    time to improve grows as this variance falls (Razin et al. 2025, arXiv 2503.15477).

    Args:
        returns: of episodes of one policy, best the random policy; shape (m,).
    """
    spread = float(np.ptp(returns)) if returns.size else 0.0
    return float(np.var(returns / spread)) if spread > 0 else 0.0


class Credit(NamedTuple):
    """The contribution of one term.

    Attributes:
        share: its part of the spread between trajectories over all terms.
        agrees: its own rank agreement with fitness; None where it is constant.
        adds: rank agreement of the reward with the term, minus that without it.
    """

    share: float
    agrees: float | None
    adds: float


def credits(scores: Mapping[str, FloatArray], fitness: FloatArray) -> dict[str, Credit]:
    """The credit of each term.

    Args:
        scores: term -> its sum over each trajectory, shape (m,); the reward is their sum.
        fitness: shape (m,).
    """
    if not scores:
        return {}
    whole = np.sum(list(scores.values()), axis=0)
    spreads = {name: float(np.std(values)) for name, values in scores.items()}
    total = sum(spreads.values()) or 1.0
    found: dict[str, Credit] = {}
    with_it = kendall_tau(whole, fitness) or 0.0
    for name, values in scores.items():
        without = kendall_tau(whole - values, fitness) or 0.0 if len(scores) > 1 else 0.0
        found[name] = Credit(spreads[name] / total, kendall_tau(values, fitness), with_it - without)
    return found
