"""Observations as the flat float32 rows that a network reads, as Stable-Baselines3 makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space

from rewardsmith.types import Array


class Features:
    """Flattens observations of a space.

    Numbers are kept, images divided by 255, choices become one-hot, and the parts of a Dict are
    put side by side.

    Attributes:
        width: numbers of a row.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._space = space
        self.width = _width(space)
        self._plain = isinstance(space, spaces.Box) and not is_image_space(space)

    def __call__(self, obs: Any) -> Array:
        """Rows of shape (n, width), float32.

        Args:
            obs: a batch of observations, shape (n, ...), or a dict of such.
        """
        if self._plain:
            rows: Array = obs.reshape(len(obs), self.width).astype(np.float32, copy=False)
            return rows
        return np.concatenate(_parts(obs, self._space), axis=1)

    def of_one(self, obs: Any) -> Array:
        """The row of one observation, shape (width,)."""
        if isinstance(obs, dict):
            batch: Any = {key: np.asarray(value)[None] for key, value in obs.items()}
        else:
            batch = np.asarray(obs)[None]
        row: Array = self(batch)[0]
        return row

    def columns(self, key: str) -> slice:
        """The columns of a part of a Dict; of another space all, by the key ``""``."""
        if not isinstance(self._space, spaces.Dict):
            return slice(0, self.width)
        begin = 0
        for name, inner in self._space.spaces.items():
            end = begin + _width(inner)
            if name == key:
                return slice(begin, end)
            begin = end
        raise KeyError(key)


def can_flatten(space: spaces.Space[Any]) -> bool:
    """Whether observations of a space can be flattened."""
    if isinstance(space, spaces.Dict):
        return all(_is_flat(inner) for inner in space.spaces.values())
    return _is_flat(space)


def _is_flat(space: spaces.Space[Any]) -> bool:
    return isinstance(
        space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary
    )


def _width(space: spaces.Space[Any]) -> int:
    if isinstance(space, spaces.Dict):
        return sum(map(_width, space.spaces.values()))
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    return int(np.prod(space.shape or (1,)))


def _parts(obs: Any, space: spaces.Space[Any]) -> list[Array]:
    if isinstance(space, spaces.Dict):
        return [part for key, inner in space.spaces.items() for part in _parts(obs[key], inner)]
    if isinstance(space, spaces.Discrete):
        return [_one_hot(np.asarray(obs).reshape(-1), int(space.n))]
    if isinstance(space, spaces.MultiDiscrete):
        columns = np.asarray(obs).reshape(len(obs), -1)
        sizes = space.nvec.ravel().tolist()
        return [_one_hot(columns[:, place], size) for place, size in enumerate(sizes)]
    rows = np.asarray(obs).reshape(len(obs), -1).astype(np.float32)
    return [rows / np.float32(255) if is_image_space(space) else rows]


def _one_hot(choices: Array, size: int) -> Array:
    rows: Array = (choices[:, None] == np.arange(size)).astype(np.float32)
    return rows
