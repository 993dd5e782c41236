"""Environments with and without faults, such as ``envs:Line``, for tests of the command line.

A test that uses them copies this file beside itself and runs there. It imports nothing of ours.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np


class Line(gym.Env[Any, Any]):
    """Walk to the right end of a line in ten steps; the reward is the position."""

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(-2.0, 2.0, (1,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.position, self.steps = float(self.np_random.uniform(-0.2, 0.2)), 0
        return self.seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.position = float(np.clip(self.position + 0.25 * float(action[0]), -1.0, 1.0))
        self.steps += 1
        return self.seen(), self.pay(), False, self.steps >= 10, {}

    def seen(self) -> Any:
        return np.array([self.position], np.float32)

    def pay(self) -> float:
        return self.position


class FailsOnReset(Line):
    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        raise RuntimeError("the simulator is not running")


class FailsInStep(Line):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.steps == 5:
            raise ValueError("joint limit exceeded")
        return super().step(action)


class Image(Line):
    """Shows pixels and has no info."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = gym.spaces.Box(0, 255, (40, 40, 3), np.uint8)

    def seen(self) -> Any:
        return np.zeros((40, 40, 3), np.uint8)


class Constant(Line):
    """Gives the same reward for every action."""

    def pay(self) -> float:
        return 1.0


class Unpaid(Line):
    """Gives no reward, so nothing measures success."""

    def pay(self) -> float:
        return 0.0


class Game:
    """Has the methods of an environment, and is derived from nothing."""

    def reset(self) -> float:
        return 0.0


class Team:
    """Has the interface of a PettingZoo environment."""

    possible_agents: ClassVar[list[str]] = ["a", "b"]
