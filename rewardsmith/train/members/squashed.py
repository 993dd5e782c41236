"""The distribution of actions of SAC: a normal one, squashed by tanh into -1 to 1."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rewardsmith.types import Array

_LOW, _HIGH = np.float32(-20), np.float32(2)  # bounds of the logarithm of the deviation
_TINY = np.float32(1e-6)
_LOG_ROOT_2PI = np.float32(0.5 * math.log(2 * math.pi))


class Draws(NamedTuple):
    """Actions drawn, and what their gradients need.

    Attributes:
        actions: shape (G, A, B), in -1 to 1.
        log_prob: shape (G, B).
        spread: deviation times noise, shape (G, A, B).
        moves: whether the logarithm of the deviation is within its bounds, shape (G, A, B).
    """

    actions: Array
    log_prob: Array
    spread: Array
    moves: Array


def draw(outputs: Array, noise: Array) -> Draws:
    """Draw actions.

    Args:
        outputs: of an actor: means, then logarithms of deviations, shape (G, 2 A, B).
        noise: standard normal, shape (G, A, B).
    """
    numbers = noise.shape[1]
    mean, wanted = outputs[:, :numbers], outputs[:, numbers:]
    log_std = np.clip(wanted, _LOW, _HIGH)
    spread = np.exp(log_std) * noise
    actions = np.tanh(mean + spread)
    density = np.float32(-0.5) * noise * noise - log_std - _LOG_ROOT_2PI
    density -= np.log(1 - actions * actions + _TINY)
    return Draws(actions, np.sum(density, axis=1), spread, log_std == wanted)


def actions_of(outputs: Array, noise: Array) -> Array:
    """The actions alone, shape (G, A, B)."""
    numbers = noise.shape[1]
    spread = np.exp(np.clip(outputs[:, numbers:], _LOW, _HIGH)) * noise
    return np.asarray(np.tanh(outputs[:, :numbers] + spread))


def draw_gradient(drawn: Draws, of_actions: Array, of_log_prob: Array) -> Array:
    """Gradient of a loss with respect to the outputs, shape (G, 2 A, B).

    Args:
        of_actions: the loss's gradient with respect to the actions, shape (G, A, B).
        of_log_prob: with respect to the log-probability, shape (G, B).
    """
    slope = 1 - drawn.actions * drawn.actions
    weight = of_log_prob[:, None]
    of_mean = slope * of_actions
    of_mean += weight * (2 * drawn.actions) * (slope / (slope + _TINY))
    of_log_std = of_mean * drawn.spread
    of_log_std -= weight
    of_log_std *= drawn.moves
    return np.concatenate([of_mean, of_log_std], axis=1)
