"""A cheetah without a reward of its own: what it should do is said in words only."""

from typing import Any

import gymnasium as gym


class Stunt(gym.Wrapper[Any, Any, Any, Any]):
    """HalfCheetah-v5 whose reward is always 0."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(gym.make("HalfCheetah-v5", camera_name="track", render_mode=render_mode))

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """A step; the reward of the environment is left out."""
        observation, _, terminated, truncated, _ = self.env.step(action)
        return observation, 0.0, terminated, truncated, {}
