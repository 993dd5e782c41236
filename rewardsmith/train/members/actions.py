"""Distributions over actions, as Stable-Baselines3 has them for each kind of space.

Outputs of a network are (G, outputs, B), actions (G, B, numbers of an action).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from gymnasium import spaces

from rewardsmith.types import Array

_LOG_2PI = math.log(2 * math.pi)


class Valued(NamedTuple):
    """Actions under a distribution: log-probability and entropy, both shape (G, B)."""

    log_prob: Array
    entropy: Array


class Distribution(Protocol):
    """A distribution over actions, given the outputs of a policy network.

    Attributes:
        outputs: numbers that the network must give.
        numbers: of one action.
        draws: random numbers of one sample.
    """

    outputs: int
    numbers: int
    draws: int

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Random numbers for samples, one more axis than ``shape``: (..., draws)."""

    def sample(self, outputs: Array, noise: Array) -> Array:
        """Actions, shape (G, B, numbers).

        Args:
            noise: shape (G, B, draws).
        """

    def mode(self, outputs: Array) -> Array:
        """The likeliest actions, shape (G, B, numbers)."""

    def value(self, outputs: Array, actions: Array) -> Valued:
        """Log-probability and entropy; what :meth:`gradient` needs is kept."""

    def gradient(self, of_log_prob: Array, of_entropy: Array) -> Array:
        """Gradient of a loss with respect to the outputs, shape (G, outputs, B).

        Args:
            of_log_prob, of_entropy: the loss's gradients with respect to what the latest
                :meth:`value` returned, shape (G, B).
        """


class Categorical:
    """One or several independent choices.

    Args:
        sizes: number of actions of each choice.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        edges = np.cumsum([0, *sizes]).tolist()
        self._parts = [slice(begin, end) for begin, end in pairwise(edges)]
        self.outputs, self.numbers, self.draws = edges[-1], len(sizes), len(sizes)
        self._kept: list[tuple[Array, Array, Array]] = []

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Uniform random numbers."""
        return rng.random((*shape, self.draws), np.float32)

    def sample(self, outputs: Array, noise: Array) -> Array:
        """By the inverse of the distribution function."""
        actions = np.empty(noise.shape, np.int64)
        for place, part in enumerate(self._parts):
            _, chances = _softmax(outputs[:, part])
            below = np.cumsum(chances[:, :-1], axis=1)  # rounding cannot lead beyond the last
            np.sum(below <= noise[:, None, :, place], axis=1, out=actions[..., place])
        return actions

    def mode(self, outputs: Array) -> Array:
        """Of equal ones the first."""
        return np.stack([outputs[:, part].argmax(axis=1) for part in self._parts], axis=-1)

    def value(self, outputs: Array, actions: Array) -> Valued:
        """Sums over the choices."""
        self._kept = []
        log_prob, entropy = (np.zeros(actions.shape[:2], np.float32) for _ in range(2))
        for place, part in enumerate(self._parts):
            size = part.stop - part.start
            log_chances, chances = _softmax(outputs[:, part])
            chosen = np.arange(size)[:, None] == actions[:, None, :, place]
            log_prob += np.sum(log_chances * chosen, axis=1)
            surprise = log_chances * chances
            entropy -= np.sum(surprise, axis=1)
            self._kept.append((chosen, chances, log_chances))
        return Valued(log_prob, entropy)

    def gradient(self, of_log_prob: Array, of_entropy: Array) -> Array:
        """Of softmax and entropy."""
        parts = []
        for chosen, chances, log_chances in self._kept:
            entropy = -np.sum(log_chances * chances, axis=1, keepdims=True)
            slope = (chosen - chances) * of_log_prob[:, None]
            slope -= chances * (log_chances + entropy) * of_entropy[:, None]
            parts.append(slope)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


class Bernoulli:
    """Independent yes-or-no choices.

    Args:
        n: number of choices.
    """

    def __init__(self, n: int) -> None:
        self.outputs = self.numbers = self.draws = n
        self._kept: tuple[Array, Array, Array] | None = None

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Uniform random numbers."""
        return rng.random((*shape, self.draws), np.float32)

    def sample(self, outputs: Array, noise: Array) -> Array:
        """1 where the random number is below the chance."""
        return (noise < _sigmoid(outputs).swapaxes(1, 2)).astype(np.int64)

    def mode(self, outputs: Array) -> Array:
        """1 where the chance is above one half; torch rounds one half to 0."""
        return (outputs > 0).swapaxes(1, 2).astype(np.int64)

    def value(self, outputs: Array, actions: Array) -> Valued:
        """Sums over the choices."""
        chosen, chances = actions.swapaxes(1, 2).astype(np.float32), _sigmoid(outputs)
        softplus = np.logaddexp(np.float32(0), outputs)
        self._kept = chosen, chances, outputs
        log_prob = np.sum(chosen * outputs - softplus, axis=1)
        return Valued(log_prob, np.sum(softplus - chances * outputs, axis=1))

    def gradient(self, of_log_prob: Array, of_entropy: Array) -> Array:
        """Of the logistic function and its entropy."""
        assert self._kept is not None, "value() comes first"
        chosen, chances, outputs = self._kept
        slope = (chosen - chances) * of_log_prob[:, None]
        slope -= outputs * chances * (1 - chances) * of_entropy[:, None]
        return slope


class Gaussian:
    """A normal distribution with a learnt deviation that does not depend on the observation.

    Args:
        log_std: a parameter of each member, shape (G, n); a view.
        log_std_gradient: where :meth:`gradient` writes its gradient.
    """

    def __init__(self, log_std: Array, log_std_gradient: Array) -> None:
        self._log_std, self._log_std_gradient = log_std, log_std_gradient
        self.outputs = self.numbers = self.draws = log_std.shape[1]
        self._kept: tuple[Array, Array] | None = None

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Standard normal random numbers."""
        return rng.standard_normal((*shape, self.draws), np.float32)

    def sample(self, outputs: Array, noise: Array) -> Array:
        """Mean plus deviation times noise; not clipped to the space."""
        actions: Array = outputs.swapaxes(1, 2) + np.exp(self._log_std)[:, None] * noise
        return actions

    def mode(self, outputs: Array) -> Array:
        """The mean."""
        return outputs.swapaxes(1, 2)

    def value(self, outputs: Array, actions: Array) -> Valued:
        """Sums over the numbers of an action."""
        log_std = self._log_std[:, :, None]
        deviation = np.exp(-log_std)
        scaled = actions.swapaxes(1, 2) - outputs
        scaled *= deviation
        self._kept = scaled, deviation
        constant = np.sum(log_std, axis=1) + np.float32(0.5 * _LOG_2PI * self.outputs)
        square = np.sum(scaled * scaled, axis=1)
        log_prob = np.float32(-0.5) * square - constant
        entropy = np.broadcast_to(constant + np.float32(0.5 * self.outputs), log_prob.shape)
        return Valued(log_prob, entropy)

    def gradient(self, of_log_prob: Array, of_entropy: Array) -> Array:
        """Of the mean; that of the deviation is written to its place."""
        assert self._kept is not None, "value() comes first"
        scaled, deviation = self._kept
        slope = (scaled * scaled - np.float32(1)) * of_log_prob[:, None]
        np.sum(slope, axis=2, out=self._log_std_gradient)
        self._log_std_gradient += np.sum(of_entropy, axis=1)[:, None]
        gradient: Array = scaled * deviation * of_log_prob[:, None]
        return gradient


def choices(space: spaces.Space[Any]) -> Categorical | Bernoulli | None:
    """The distribution of a space without fractions; None for a box."""
    if isinstance(space, spaces.Discrete):
        return Categorical([int(space.n)])
    if isinstance(space, spaces.MultiDiscrete):
        return Categorical(space.nvec.tolist())
    return Bernoulli(space.shape[0]) if isinstance(space, spaces.MultiBinary) else None


def for_environment(actions: Array, space: spaces.Space[Any]) -> Array:
    """Actions in the form of their space, shape (G, B, ...); those of a box inside it.

    Args:
        actions: shape (G, B, numbers).
    """
    shaped: Array = actions.reshape(*actions.shape[:2], *(space.shape or ()))
    return np.clip(shaped, space.low, space.high) if isinstance(space, spaces.Box) else shaped


def _softmax(outputs: Array) -> tuple[Array, Array]:
    """The chances' logarithms and the chances, both shape (G, n, B)."""
    shifted = outputs - np.max(outputs, axis=1, keepdims=True)
    chances = np.exp(shifted)
    total = np.sum(chances, axis=1, keepdims=True)
    chances /= total
    shifted -= np.log(total)
    return shifted, chances


def _sigmoid(values: Array) -> Array:
    return np.float32(1) / (np.float32(1) + np.exp(-values))
