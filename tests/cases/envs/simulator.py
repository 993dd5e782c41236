"""A simulator of which only one can be open at a time, like one that listens on a fixed port."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np


class Simulator(gym.Env[Any, Any]):
    """A point that a force moves; its simulator is busy while an environment is open."""

    busy = False  # of this process
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, render_mode: str | None = None) -> None:
        if Simulator.busy:
            raise OSError(98, "Address already in use")
        Simulator.busy = True
        self.render_mode = render_mode
        self.observation_space = gym.spaces.Box(-5.0, 5.0, (2,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.x, self.steps = float(self.np_random.uniform(-2, 2)), 0
        return np.array([self.x, 0.0], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        self.x = float(np.clip(self.x + 0.2 * action[0], -5, 5))
        seen = np.array([self.x, action[0]], np.float32)
        return seen, -abs(self.x), False, self.steps >= 10, {}

    def render(self) -> Any:
        return np.full((16, 16, 3), 255 * (self.x > 0), np.uint8)

    def close(self) -> None:
        Simulator.busy = False


class Refusing(Simulator):
    """Refuses every action."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        raise RuntimeError("the motor does not answer")
