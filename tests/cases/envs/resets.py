"""A water tank whose ``reset`` has another signature in each class."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

Start = tuple[Any, dict[str, Any]]


class Tank(gym.Env[Any, Any]):
    """The level begins at random; ``reset`` takes a seed and no options."""

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0.0, 1.0, (1,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, seed: int | None = None) -> Start:  # type: ignore[override]
        super().reset(seed=seed)
        return self.begin()

    def begin(self) -> Start:
        self.level, self.steps = float(self.np_random.uniform()), 0
        return np.array([self.level], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        self.level = float(np.clip(self.level + 0.05 * action[0] - 0.01, 0.0, 1.0))
        reward = -abs(self.level - 0.5)
        return np.array([self.level], np.float32), reward, False, self.steps >= 10, {}


class Bare(Tank):
    def reset(self) -> Start:  # type: ignore[override]
        return self.begin()


class OptionsOnly(Tank):
    def reset(self, *, options: dict[str, Any] | None = None) -> Start:  # type: ignore[override]
        return self.begin()


class OtherNames(Tank):
    def reset(self, random_seed: int | None = None, level: float = 0.5) -> Start:  # type: ignore[override]
        return self.begin()


class Positional(Tank):
    def reset(self, seed: Any, /) -> Start:  # type: ignore[override]
        return self.begin()


class Anything(Tank):
    def reset(self, **given: Any) -> Start:
        gym.Env.reset(self, seed=given["seed"])
        return self.begin()


class Reseeding(Tank):
    """Seeds its action space at each reset, as gym-anytrading does."""

    def begin(self) -> Start:
        self.action_space.seed(0)
        return super().begin()


class Lid(gym.Wrapper[Any, Any, Any, Any]):
    """A wrapper whose ``reset`` takes nothing."""

    def reset(self) -> Start:  # type: ignore[override]
        return self.env.reset()


def with_lid() -> gym.Env[Any, Any]:
    return Lid(Tank())


gym.register("tests/Tank-v0", entry_point="tests.cases.envs.resets:Tank", max_episode_steps=8)
