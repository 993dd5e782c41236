"""Distances between two rewards by the behaviour they prefer, not by their numbers: EPIC and STARC.

No optimal policy changes when a reward gets a positive factor, a constant or the change of a
potential. Both distances first bring a reward into a form that these cannot change, then compare.
0: the same preferences; 1: opposite preferences.

EPIC (Gleave et al. 2021, arXiv 2006.13900) averages over all states and actions alike, also over
transitions that cannot happen. STARC (Skalse et al. 2024, arXiv 2309.15257) subtracts the values of
one fixed policy, so it also ignores reward that only moves between the outcomes of one action;
where there is a task reward, use STARC.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.types import Array, FloatArray


def sampled_starc(
    one: FloatArray,
    other: FloatArray,
    features: FloatArray,
    next_features: FloatArray,
    terminated: Array,
    gamma: float,
    ridge: float = 1e-6,
) -> float:
    """STARC on transitions of one behaviour, in [0, 1]: temporal differences under fitted values.

    The authors' code for continuous spaces fits values by SARSA; here they are solved for in closed
    form (LSTD, Bradtke and Barto 1996). Exact for potentials that are linear in the features.

    Args:
        one, other: rewards, shape (N,).
        features, next_features: of the states before and after, shape (N, d).
        terminated: shape (N,), where no value follows.
        ridge: keeps the fit from following noise, relative to the size of the features.
    """
    following = gamma * np.where(terminated[:, None], 0.0, next_features)
    matrix = features.T @ (features - following)
    matrix += ridge * np.trace(features.T @ features) / len(matrix) * np.eye(len(matrix))
    rewards = np.stack([one, other], axis=1)
    values = np.linalg.solve(matrix, features.T @ rewards)
    differences = rewards + (following - features) @ values
    return half_distance(differences[:, 0], differences[:, 1])


class Recombined(NamedTuple):
    """A reward on real transitions, and on transitions recombined from their parts.

    Attributes:
        real: r(s, a, s'), shape (N,).
        before: r(s, A, S') for m actions and following states drawn from other transitions, the
            same for all s; shape (N, m).
        after: r(s', A, S'), shape (N, m).
    """

    real: FloatArray
    before: FloatArray
    after: FloatArray


def sampled_epic(one: Recombined, other: Recombined, gamma: float) -> float:
    """EPIC on a sample, in [0, 1].

    A potential, a constant and a positive factor do not change it, however few are drawn. No
    transition may end an episode: after an end there is no state to start from.
    """
    forms = [
        each.real + gamma * each.after.mean(axis=1) - each.before.mean(axis=1)
        for each in (one, other)
    ]
    return pearson_distance(*forms)


def pearson_distance(one: FloatArray, other: FloatArray) -> float:
    """sqrt((1 - correlation) / 2), in [0, 1]; 1/sqrt(2) to a constant, 0 between two constants."""
    spreads = float(one.std()), float(other.std())
    if min(spreads) <= 1e-12 * max(1.0, *spreads):
        return 0.0 if max(spreads) <= 1e-12 else 0.5**0.5
    correlation = float(((one - one.mean()) * (other - other.mean())).mean()) / (
        spreads[0] * spreads[1]
    )
    return float(np.sqrt(np.clip((1.0 - correlation) / 2.0, 0.0, 1.0)))


def half_distance(one: FloatArray, other: FloatArray) -> float:
    """Half the distance between two arrays scaled to norm 1; an array of zeros stays zero."""
    units = []
    for values in (one, other):
        norm = float(np.linalg.norm(values))
        units.append(values / norm if norm > 1e-9 else 0 * values)
    return float(np.linalg.norm(units[0] - units[1]) / 2)
