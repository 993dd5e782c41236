"""An environment with its vector form, and vector forms that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv

from rewardsmith.task.loading import Task
from rewardsmith.task.parsing import parse_spec
from rewardsmith.types import Array

SPACE = gym.spaces.Box(0.0, 10.0, (2,), np.float32)
ACTIONS = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)


class Tank(gym.Env[Any, Any]):
    """A tank that must not run empty: level and inflow; the overflow is reported in info."""

    observation_space, action_space = SPACE, ACTIONS

    def __init__(self, leak: float = 0.5) -> None:
        self._leak, self._level = leak, 0.0

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=options.get("seed"))
        self._level = float(self.np_random.uniform(2, 4))
        return np.array([self._level, 0.0], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        inflow = float(action[0]) + self._leak
        wanted = self._level + inflow - self._leak
        self._level = min(max(wanted, 0.0), 5.0)
        obs = np.array([self._level, max(inflow, 0.0)], np.float32)
        return obs, -abs(self._level - 3.0), self._level <= 0, False, {"over": wanted - self._level}


class Tanks(VectorEnv[Any, Any, Any]):
    """The same, n at once."""

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012 - Gymnasium's form

    def __init__(self, num_envs: int, leak: float = 0.5) -> None:
        self.num_envs, self._leak = num_envs, leak
        self.single_observation_space, self.single_action_space = SPACE, ACTIONS
        self._level = np.zeros(num_envs)
        self._rngs = [seeding.np_random(None)[0] for _ in range(num_envs)]
        self._obs = np.zeros((num_envs, 2), np.float32)

    def reset(
        self, *, seed: Sequence[int | None] | int | None = None, options: Any = None
    ) -> tuple[Array, dict[str, Any]]:
        for row, one in enumerate(seed if isinstance(seed, list) else ()):
            if one is not None:
                self._rngs[row], _ = seeding.np_random(one)
        rows = np.ones(self.num_envs, bool) if options is None else options["reset_mask"]
        for row in np.flatnonzero(rows):
            self._level[row] = self._rngs[row].uniform(2, 4)
            self._obs[row] = self._level[row], 0.0
        return self._obs.copy(), {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        inflow = actions[:, 0].astype(np.float64) + self._leak
        wanted = self._level + inflow - self._leak
        self._level = np.clip(wanted, 0.0, 5.0)
        self._obs = np.stack([self._level, np.maximum(inflow, 0.0)], axis=1).astype(np.float32)
        ended = self._level <= 0
        info = {"over": wanted - self._level}
        return self._obs.copy(), -np.abs(self._level - 3.0), ended, np.zeros_like(ended), info


class Leaking(Tanks):
    """Its physics differ."""

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        return super().step(actions * 0.99)


class Silent(Tanks):
    """It reports no overflow."""

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        return (*super().step(actions)[:4], {})


class Empty(Tanks):
    """Its observations are not numbers after some steps."""

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        obs, *rest = super().step(actions)
        obs[2, 1] = np.nan
        return obs, *rest  # type: ignore[return-value]


class Resetting(Tanks):
    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - Gymnasium's form


class OtherActions(Tanks):
    def __init__(self, num_envs: int, leak: float = 0.5) -> None:
        super().__init__(num_envs, leak)
        self.single_action_space = gym.spaces.Discrete(2)


class NoVector:
    def __init__(self, num_envs: int, leak: float = 0.5) -> None: ...


def tank_task(vector: str = "", **env: Any) -> Task:
    """The task of keeping a tank half full, with a vector environment of this module."""
    fields = [
        {"name": "level", "source": "obs[0]", "range": [0.0, 10.0]},
        {"name": "over", "source": 'info["over"]'},
    ]
    spec = {
        "goal": "Keep the level at 3.",
        "env": {
            "id": f"{__name__}:Tank",
            "max_episode_steps": 9,
            "vector": f"{__name__}:{vector}" if vector else "",
            **env,
        },
        "fields": fields,
        "fitness": {"source": "native_return", "solved": -1.0},
        "training": {
            "n_envs": 4,
            "hyperparameters": {
                "n_steps": 16, "batch_size": 32, "n_epochs": 2, "policy_kwargs": {"net_arch": [8]},
            },
        },
        "evaluation": {"episodes": 3},
    }  # fmt: skip
    return Task("tank", parse_spec(spec, "tank"))
