"""Small Q-learners and a chain of states, for tests of priors on Q."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

SMALL: dict[str, Any] = {
    "seed": 0,
    "buffer_size": 500,
    "learning_starts": 32,
    "batch_size": 16,
    "device": "cpu",
}


def net(*sizes: int) -> dict[str, Any]:
    """New each time: Stable-Baselines3 writes into it."""
    return {"policy_kwargs": {"net_arch": list(sizes or (16,))}}


def chain(kind: str, n_envs: int = 1, last: int = 4) -> DummyVecEnv:
    return DummyVecEnv([lambda: Chain(kind == "DQN", last)] * n_envs)


class Asked:
    """A prior that remembers what it was asked; right moves are worth more."""

    def __init__(self, discrete: bool, sign: float = 1.0) -> None:
        self.discrete, self.sign = discrete, sign
        self.obs: list[Any] = []
        self.actions: list[Any] = []

    def __call__(self, obs: Any, action: Any = None) -> Any:
        self.obs.append(np.array(obs))
        if self.discrete:
            return self.sign * np.stack([0.9 ** (9 - obs[:, 0]), 0.9 ** (8 - obs[:, 0])], axis=1)
        self.actions.append(np.array(action))
        return self.sign * (0.1 * obs[:, 0] + 0.2 * np.clip(action[:, 0], -1, 1))


def parameters(model: Any) -> list[torch.Tensor]:
    return [values.detach().clone() for values in model.policy.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Chain(gym.Env[Any, Any]):
    """Places in a row; the last pays 1 and ends. Discrete: left or right. Box: from -1 to 3, of which 1 is enough."""

    def __init__(self, discrete: bool = True, last: int = 4) -> None:
        self.last = last
        self.observation_space = gym.spaces.Box(-10.0, 10.0, (1,), np.float32)
        self.action_space = (
            gym.spaces.Discrete(2) if discrete else gym.spaces.Box(-1.0, 3.0, (1,), np.float32)
        )
        self._place, self._discrete, self._steps = 0.0, discrete, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._place, self._steps = 0.0, 0
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        push = 2.0 * float(action) - 1.0 if self._discrete else float(np.clip(action[0], -1, 1))
        self._place, self._steps = float(np.clip(self._place + push, 0, self.last)), self._steps + 1
        return (
            self._seen(),
            float(self._place >= self.last),
            self._place >= self.last,
            self._steps >= 30,
            {},
        )

    def _seen(self) -> Any:
        return np.array([self._place], np.float32)
