"""The parameters of members, and their gradients, one row per member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np

from rewardsmith.types import Array, TrainingState


class Parameters:
    """Named parts of one array, so that an optimiser steps all of them at once.

    Args:
        members: number of rows, G.
        shapes: name -> shape of one member's part.

    Attributes:
        values, gradients: shape (G, total size), float32.

    Example:
        parameters = Parameters(4, {"weight": (3, 64), "bias": (64,)})
        parameters["weight"].shape  # (4, 3, 64), a view
    """

    def __init__(self, members: int, shapes: Mapping[str, tuple[int, ...]]) -> None:
        total = sum(math.prod(shape) for shape in shapes.values())
        self.values = np.zeros((members, total), np.float32)
        self.gradients = np.zeros((members, total), np.float32)
        self._parts = _views(self.values, shapes)
        self._gradient_parts = _views(self.gradients, shapes)

    def __getitem__(self, name: str) -> Array:
        """A part, shape (G, ...); a view."""
        return self._parts[name]

    def gradient(self, name: str) -> Array:
        """The gradient of a part, shape (G, ...); a view."""
        return self._gradient_parts[name]

    def of_member(self, member: int) -> Parameters:
        """Those of one member, in the same memory."""
        one, rows = copy(self), slice(member, member + 1)
        one.values, one.gradients = self.values[rows], self.gradients[rows]
        one._parts = {name: part[rows] for name, part in self._parts.items()}
        one._gradient_parts = {name: part[rows] for name, part in self._gradient_parts.items()}
        return one

    def take(self, other: Parameters, members: Sequence[int]) -> None:
        """Go on from the values of some members of others of the same shapes."""
        self.values[...] = other.values[members]

    def state(self, member: int) -> TrainingState:
        """The values of a member."""
        return TrainingState({"values": self.values[member]}, {})

    def restore(self, member: int, state: TrainingState) -> None:
        """Take such values."""
        self.values[member] = state.arrays["values"]


class Target:
    """Parameters that follow others slowly (Polyak averaging).

    Args:
        of: what is followed.
        follows: what follows it, with the same shapes; changed in place.
        tau: share of the way that is taken; 1 copies.
    """

    def __init__(self, of: Parameters, follows: Parameters, tau: float) -> None:
        self._of, self._follows, self._tau = of.values, follows.values, tau
        self._scratch = np.empty_like(of.values)

    def follow(self) -> None:
        """Take a step."""
        np.multiply(self._of, np.float32(self._tau), out=self._scratch)
        self._follows *= np.float32(1 - self._tau)
        self._follows += self._scratch


def _views(rows: Array, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    views, begin = {}, 0
    for name, shape in shapes.items():
        end = begin + math.prod(shape)
        views[name] = rows[:, begin:end].reshape(len(rows), *shape)
        begin = end
    return views
