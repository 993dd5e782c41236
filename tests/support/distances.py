"""Exact distances of rewards on small Markov decision processes, as a reference for sampled ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardsmith.maths.distances import half_distance, pearson_distance

Array = Any


def starc_distance(one: Array, other: Array, dynamics: Array, gamma: float) -> float:
    """STARC under the uniform policy; rewards and dynamics of shape (S, A, S)."""
    forms = [_advantages(reward, dynamics, gamma) for reward in (one, other)]
    return half_distance(*forms)


def epic_distance(one: Array, other: Array, gamma: float) -> float:
    """EPIC under uniform states and actions; rewards of shape (S, A, S)."""
    return pearson_distance(_canonical(one, gamma).ravel(), _canonical(other, gamma).ravel())


def _advantages(reward: Array, dynamics: Array, gamma: float) -> Array:
    """The value of an action above the value of the uniform policy, shape (S, A)."""
    expected = (dynamics * reward).sum(axis=2)
    moves = dynamics.mean(axis=1)
    values = np.linalg.solve(np.eye(len(moves)) - gamma * moves, expected.mean(axis=1))
    return expected + gamma * dynamics @ values - values[:, None]


def _canonical(reward: Array, gamma: float) -> Array:
    """EPIC's form, in which every potential has vanished; shape (S, A, S)."""
    expected = reward.mean(axis=(1, 2))
    return reward + gamma * expected - expected[:, None, None] - gamma * expected.mean()
