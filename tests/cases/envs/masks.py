"""Environments in which some actions are illegal in some states, and raise."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

LENGTH = 6


class Board(gym.Env[Any, Any]):
    """Put a stone on each of six places; an occupied place is illegal."""

    action_space: gym.spaces.Space[Any] = gym.spaces.Discrete(LENGTH)

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0.0, 1.0, (LENGTH,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.stones, self.steps = np.zeros(LENGTH, np.float32), 0
        return self.stones.copy(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        place = self.place(action)
        if self.stones[place]:
            raise ValueError(f"place {place} is occupied")
        self.stones[place] = 1.0
        return self.stones.copy(), float(place), bool(self.stones.all()), False, {}

    def place(self, action: Any) -> int:
        return int(action)


class Masked(Board):
    """It says which places are free."""

    def action_masks(self) -> Any:
        return self.stones == 0


class Grid(Masked):
    """The places in two rows; only rows and columns with a free place are legal."""

    action_space = gym.spaces.MultiDiscrete([1, LENGTH])

    def action_masks(self) -> Any:
        return [True, *(self.stones == 0)]

    def place(self, action: Any) -> int:
        return int(action[1])


class Switches(Masked):
    """Put stones on some places at once; each place has a flag for no and for yes."""

    action_space = gym.spaces.MultiBinary(LENGTH)

    def action_masks(self) -> Any:
        free = self.stones == 0
        return np.column_stack([np.ones(LENGTH, bool), free]).ravel()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if (self.stones * action).any():
            raise ValueError("a place is occupied")
        self.stones = np.maximum(self.stones, np.asarray(action, np.float32))
        self.steps += 1
        ended, late = bool(self.stones.all()), self.steps >= 10
        return self.stones.copy(), float(self.stones.sum()), ended, late, {}


class Wrong(Masked):
    """Its masks do not fit its actions."""

    def action_masks(self) -> Any:
        return [True, False]
