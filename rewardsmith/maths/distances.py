"""How far two rewards are apart in what they ask for, not in their numbers: EPIC and STARC.

Adding a potential's change, or a constant, or multiplying by a positive number changes no optimal
policy. Both
distances first bring a reward into a form that these cannot change, then compare. 0: they ask for
the same; 1: for the opposite.

EPIC (Gleave et al. 2021, arXiv 2006.13900) averages over all states and actions alike, also over
transitions that cannot happen. STARC (Skalse et al. 2024, arXiv 2309.15257) subtracts what one
fixed policy expects, and so also sees through rewards that only shift pay between the outcomes of
an action; where there is a task reward, it is the one to use.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.types import Array, FloatArray


def starc_distance(
    one: FloatArray,
    other: FloatArray,
    dynamics: FloatArray,
    gamma: float,
    policy: FloatArray | None = None,
) -> float:
    """The exact distance on a small Markov decision process, in [0, 1].

    Args:
        one, other: rewards, shape (S, A, S).
        dynamics: P(s' | s, a), shape (S, A, S).
        gamma: discount, below 1.
        policy: whose values are subtracted, shape (S, A); uniform by default.
    """
    return _apart(
        _advantages(one, dynamics, gamma, policy), _advantages(other, dynamics, gamma, policy)
    )


def epic_distance(one: FloatArray, other: FloatArray, gamma: float) -> float:
    """The exact distance under uniform states and actions, in [0, 1]; rewards of shape (S, A, S)."""
    return pearson_distance(_canonical(one, gamma).ravel(), _canonical(other, gamma).ravel())


def sampled_starc(
    one: FloatArray,
    other: FloatArray,
    features: FloatArray,
    next_features: FloatArray,
    terminated: Array,
    gamma: float,
    ridge: float = 1e-6,
) -> float:
    """The distance on transitions of one behaviour: values are fitted to features, temporal differences compared.

    The authors' code for continuous spaces fits values by SARSA; here the fixed point is solved for
    (LSTD, Bradtke and Barto 1996). Exact for potentials that are linear in the features.

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
    return _apart(differences[:, 0], differences[:, 1])


class Recombined(NamedTuple):
    """What a reward pays for some transitions, and for others that are put together from their parts.

    Attributes:
        real: r(s, a, s'), shape (N,).
        before: r(s, A, S') for actions and following states drawn from others, the same ones
            everywhere, shape (N, m).
        after: r(s', A, S'), shape (N, m).
    """

    real: FloatArray
    before: FloatArray
    after: FloatArray


def sampled_epic(one: Recombined, other: Recombined, gamma: float) -> float:
    """The distance on a sample, in [0, 1].

    Blind to a potential, a constant and a positive factor, however few are drawn. No transition may
    end an episode: after an end there is no state from which another could begin.
    """
    forms = [
        each.real + gamma * each.after.mean(axis=1) - each.before.mean(axis=1)
        for each in (one, other)
    ]
    return pearson_distance(*forms)


def pearson_distance(one: FloatArray, other: FloatArray) -> float:
    """sqrt((1 - correlation) / 2), in [0, 1]; of a constant, which has none, 1/sqrt(2), or 0 to another constant."""
    spreads = float(one.std()), float(other.std())
    if min(spreads) <= 1e-12 * max(1.0, *spreads):
        return 0.0 if max(spreads) <= 1e-12 else 0.5**0.5
    correlation = float(((one - one.mean()) * (other - other.mean())).mean()) / (
        spreads[0] * spreads[1]
    )
    return float(np.sqrt(np.clip((1.0 - correlation) / 2.0, 0.0, 1.0)))


def _advantages(
    reward: FloatArray, dynamics: FloatArray, gamma: float, policy: FloatArray | None
) -> FloatArray:
    """What an action is worth above the policy's own, shape (S, A)."""
    states, actions = reward.shape[:2]
    chosen = np.full((states, actions), 1.0 / actions) if policy is None else policy
    expected = (dynamics * reward).sum(axis=2)
    moves = np.einsum("sa,sat->st", chosen, dynamics)
    values = np.linalg.solve(np.eye(states) - gamma * moves, (chosen * expected).sum(axis=1))
    advantages: FloatArray = expected + gamma * dynamics @ values - values[:, None]
    return advantages


def _canonical(reward: FloatArray, gamma: float) -> FloatArray:
    """EPIC's form, in which every potential has vanished; shape (S, A, S)."""
    expected = reward.mean(axis=(1, 2))
    form: FloatArray = reward + gamma * expected - expected[:, None, None] - gamma * expected.mean()
    return form


def _apart(one: FloatArray, other: FloatArray) -> float:
    """Half the distance of two arrays of length 1; of one that says nothing, as far as from its middle."""
    units = [
        values / norm if (norm := float(np.linalg.norm(values))) > 1e-9 else 0 * values
        for values in (one, other)
    ]
    return float(np.linalg.norm(units[0] - units[1]) / 2)
