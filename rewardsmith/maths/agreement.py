"""How a reward, and each of its terms, agrees with fitness over trajectories; and whether it teaches anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rewardsmith.types import FloatArray


def kendall_tau(one: FloatArray, other: FloatArray) -> float | None:
    """Kendall's tau-b: pairs in the same order minus pairs in opposite order, ties accounted for; in [-1, 1].

    None where one of the two has the same value everywhere.

    Args:
        one, other: shape (m,), finite.
    """
    upper = np.triu_indices(len(one), 1)
    signs = [np.sign(values[:, None] - values[None, :])[upper] for values in (one, other)]
    untied = [int(np.count_nonzero(sign)) for sign in signs]
    if min(untied, default=0) == 0:
        return None
    return float((signs[0] * signs[1]).sum() / np.sqrt(untied[0] * untied[1]))


def teacher_variance(returns: FloatArray) -> float:
    """Variance of returns between episodes of a policy, in units of their squared range; in [0, 1/4].

    A reward that gives every episode the same teaches nothing, however right it is: the time to
    improve grows as this falls (Razin et al. 2025, arXiv 2503.15477).

    Args:
        returns: of episodes of one policy, best the untaught one; shape (m,).
    """
    spread = float(np.ptp(returns)) if returns.size else 0.0
    return float(np.var(returns / spread)) if spread > 0 else 0.0


class Credit(NamedTuple):
    """What one term does.

    Attributes:
        share: of the spread between trajectories that all terms make.
        agrees: its own rank agreement with fitness; None where it is the same everywhere.
        adds: by how much the whole agrees better with it than without it.
    """

    share: float
    agrees: float | None
    adds: float


def credits(scores: Mapping[str, FloatArray], fitness: FloatArray) -> dict[str, Credit]:
    """The credit of each term.

    Args:
        scores: term -> what each trajectory is paid by it, shape (m,); together they are the whole.
        fitness: shape (m,).
    """
    if not scores:
        return {}
    whole = np.sum(list(scores.values()), axis=0)
    spreads = {name: float(np.std(values)) for name, values in scores.items()}
    total = sum(spreads.values()) or 1.0
    with_it = kendall_tau(whole, fitness) or 0.0
    return {
        name: Credit(
            spreads[name] / total,
            kendall_tau(values, fitness),
            with_it - (kendall_tau(whole - values, fitness) or 0.0) if len(scores) > 1 else with_it,
        )
        for name, values in scores.items()
    }
