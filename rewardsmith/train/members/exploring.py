"""Actions as an off-policy learner stores them, and as the environments take them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from rewardsmith.types import Array


class StoredActions(Protocol):
    """The form of actions in the memory.

    Attributes:
        numbers: of an action.
    """

    numbers: int

    def random(self, rng: np.random.Generator, n: int) -> Array:
        """Actions drawn from the whole space, shape (n, numbers)."""

    def disturbed(self, rng: np.random.Generator, actions: Array) -> Array:
        """Actions with the noise of exploration, shape (n, numbers)."""

    def taken(self, actions: Array) -> Array:
        """The form that the environments take, shape (n, ...)."""


class ScaledActions:
    """Actions of a box, within -1 to 1.

    Args:
        noise: mean and deviation of normal noise, each shape (numbers,); None for no noise.
    """

    def __init__(self, space: spaces.Box, noise: tuple[Array, Array] | None) -> None:
        self._space, self._noise = space, noise
        self.numbers = int(np.prod(space.shape))

    def random(self, rng: np.random.Generator, n: int) -> Array:
        """Uniform."""
        return rng.random((n, self.numbers), np.float32) * np.float32(2) - np.float32(1)

    def disturbed(self, rng: np.random.Generator, actions: Array) -> Array:
        """With normal noise, within the bounds."""
        if self._noise is None:
            return actions
        noise = rng.normal(*self._noise, actions.shape).astype(np.float32)
        return np.clip(actions + noise, -1, 1)

    def taken(self, actions: Array) -> Array:
        """Scaled to the bounds of the space."""
        low, high = self._space.low, self._space.high
        scaled: Array = low + np.float32(0.5) * (
            actions.reshape(-1, *self._space.shape) + np.float32(1)
        ) * (high - low)
        return scaled


class NumberedActions:
    """Actions of a Discrete space."""

    numbers = 1

    def __init__(self, space: spaces.Discrete) -> None:
        self._n = int(space.n)

    def random(self, rng: np.random.Generator, n: int) -> Array:
        """Each as likely."""
        return rng.integers(0, self._n, (n, 1))

    def disturbed(self, rng: np.random.Generator, actions: Array) -> Array:
        """As they are."""
        return actions

    def taken(self, actions: Array) -> Array:
        """Whole numbers, shape (n,)."""
        return actions[:, 0].astype(np.int64)


def stored_actions(space: spaces.Space[Any], noise: tuple[Array, Array] | None) -> StoredActions:
    """The form of actions of a space."""
    if isinstance(space, spaces.Box):
        return ScaledActions(space, noise)
    assert isinstance(space, spaces.Discrete), "other spaces are refused before"
    return NumberedActions(space)
