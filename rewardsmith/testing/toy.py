"""A task for contract tests: an episode takes eight steps, a training less than a second."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.task.loading import Task
from rewardsmith.task.parsing import parse_spec

STEPS = 8  # of an episode
_STRIDE = 0.25
_PPO = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, "policy_kwargs": {"net_arch": [8]}}


class Line(gym.Env[Any, Any]):
    """A walker on [-1, 1]; the reward of a step is the change of its position.

    Args:
        continuous: the action is a Box of shape (1,), else one of two directions.
        broken: every step raises an error.
    """

    def __init__(self, continuous: bool = False, broken: bool = False) -> None:
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.action_space = (
            gym.spaces.Box(-1.0, 1.0, (1,), np.float32) if continuous else gym.spaces.Discrete(2)
        )
        self._continuous, self._broken = continuous, broken
        self._position, self._step = 0.0, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin near 0."""
        super().reset(seed=seed)
        self._position, self._step = float(self.np_random.uniform(-0.2, 0.2)), 0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Move, at most by a quarter."""
        if self._broken:
            raise RuntimeError("this environment is broken on purpose")
        push = float(np.clip(action[0], -1.0, 1.0)) if self._continuous else 2.0 * int(action) - 1.0
        before = self._position
        self._position = float(np.clip(before + _STRIDE * push, -1.0, 1.0))
        self._step += 1
        return self._seen(), self._position - before, False, self._step == STEPS, {}

    def _seen(self) -> Any:
        return np.array([self._position], np.float32)


def toy_task(training: dict[str, Any] | None = None, **env: bool) -> Task:
    """The task of walking to the right end.

    Args:
        training: settings in place of a small PPO.
        env: arguments of :class:`Line`.
    """
    fields = [
        {"name": "position", "source": "obs[0]", "range": [-1.0, 1.0], "doc": "of the walker"}
    ]
    spec = {
        "goal": "Reach the right end of the line, at 1.",
        "env": {"id": f"{__name__}:Line", "kwargs": env},
        "fields": fields,
        "fitness": {"source": "native_return", "solved": 0.7},
        "training": {"n_envs": 2, "hyperparameters": _PPO, **(training or {})},
        "evaluation": {"episodes": 2},
    }
    return Task("toy", parse_spec(spec, "toy"))
