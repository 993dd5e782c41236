"""The update of PPO equals that of Stable-Baselines3, alone and beside other members."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback

from rewardsmith.train.members.actor_critic import ActorCritic
from rewardsmith.train.members.adam import Adam
from rewardsmith.train.members.learner import settings_of
from rewardsmith.train.members.ppo import PpoUpdate, Samples
from rewardsmith.train.members.weights import architecture_of, read_weights
from rewardsmith.types import Array

SETTINGS: list[dict[str, Any]] = [
    {"n_steps": 64, "batch_size": 32, "n_epochs": 4, "ent_coef": 0.01},
    {
        "n_steps": 96, "batch_size": 40, "n_epochs": 3, "clip_range_vf": 0.2, "learning_rate": 1e-3,
        "normalize_advantage": False, "clip_range": 0.1,
    },
    {
        "n_steps": 32, "batch_size": 64, "n_epochs": 8, "target_kl": 0.0005, "learning_rate": 3e-3,
        "policy_kwargs": {"net_arch": {"pi": [16], "vf": [32, 24]}, "activation_fn": torch.nn.ReLU},
    },
]  # fmt: skip


class Choices(gym.Env[Any, Any]):
    """Random observations, for spaces of actions that no small environment has."""

    observation_space = spaces.Box(-1, 1, (3,), np.float32)

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.action_space = space
        self._left = 0

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**options)
        self._left = 20
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._left -= 1
        return self._seen(), float(np.sum(action)), False, self._left == 0, {}

    def _seen(self) -> Any:
        return self.np_random.uniform(-1, 1, 3).astype(np.float32)


ENVIRONMENTS: dict[str, Any] = {
    "discrete": lambda: gym.make("CartPole-v1"),
    "box": lambda: gym.make("Pendulum-v1", max_episode_steps=30),
    "choices": lambda: Choices(spaces.MultiDiscrete([3, 2])),
    "switches": lambda: Choices(spaces.MultiBinary(3)),
}


class Record(BaseCallback):
    """Keeps the rollouts of a model, the shuffles of each update, and the weights after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        shuffle = np.random.permutation

        def remembered(size: int) -> Array:
            self.orders[-1].append(shuffle(size))
            return self.orders[-1][-1]

        monkeypatch.setattr("stable_baselines3.common.buffers.np.random.permutation", remembered)
        self.orders: list[list[Array]] = []
        self.rollouts: list[tuple[Samples, float]] = []
        self.weights: list[dict[str, torch.Tensor]] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.rollouts:
            self._keep_weights()

    def _on_training_end(self) -> None:
        self._keep_weights()

    def _keep_weights(self) -> None:
        state = self.model.policy.state_dict()
        self.weights.append({name: tensor.clone() for name, tensor in state.items()})

    def _on_rollout_end(self) -> None:
        self.orders.append([])
        buffer = self.model.rollout_buffer  # type: ignore[attr-defined]
        flat = RolloutBuffer.swap_and_flatten
        self.rollouts.append(
            (
                Samples(
                    observations=flat(buffer.observations).copy(),
                    actions=flat(buffer.actions).copy(),
                    log_prob=flat(buffer.log_probs)[:, 0].copy(),
                    values=flat(buffer.values)[:, 0].copy(),
                    advantages=flat(buffer.advantages)[:, 0].copy(),
                    returns=flat(buffer.returns)[:, 0].copy(),
                ),
                1 - self.num_timesteps / self.locals["total_timesteps"],
            )
        )


def trained(
    environment: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> tuple[PPO, Record, dict[str, torch.Tensor]]:
    """A model after three rollouts, what it learned from, and its first weights."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # a truncated minibatch is part of the test
    model = PPO("MlpPolicy", ENVIRONMENTS[environment](), seed=3, device="cpu", **settings)
    first = {name: tensor.clone() for name, tensor in model.policy.state_dict().items()}
    record = Record(monkeypatch)
    model.learn(3 * settings["n_steps"], callback=record)
    return model, record, first


def differences(model: PPO, record: Record, first: dict[str, torch.Tensor]) -> list[float]:
    """The largest difference of any weight after each rollout, of a member in the middle of 3."""
    settings, rng = settings_of(model), np.random.default_rng(0)
    networks, target = (ActorCritic(n, architecture_of(model)) for n in (3, 1))
    rows = networks.parameters.values
    rows[...] = rng.normal(0, 0.1, rows.shape)
    read_weights(first, networks, 1)
    update = PpoUpdate(networks, Adam(networks.parameters, eps=1e-5), settings)
    found = []
    for (samples, remaining), orders, wanted in zip(
        record.rollouts, record.orders, record.weights, strict=True
    ):
        stack = Samples(*(np.stack([field] * 3) for field in samples))
        size = stack.advantages.shape[1]
        epochs = [[rng.permutation(size) for _ in range(3)] for _ in range(settings.n_epochs)]
        for of_members, order in zip(epochs, orders, strict=False):
            of_members[1] = order
        update(stack, np.array(epochs), remaining)
        read_weights(wanted, target, 0)
        found.append(float(np.abs(rows[1] - target.parameters.values[0]).max()))
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("settings", SETTINGS, ids=["defaults", "bounded values", "early stop"])
def test_weights_after_three_rollouts_are_those_of_stable_baselines3(
    environment: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, record, first = trained(environment, settings, monkeypatch)
    assert max(differences(model, record, first)) < 1e-6


def test_another_order_of_samples_gives_other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the comparison above can fail."""
    model, record, first = trained("discrete", SETTINGS[0], monkeypatch)
    record.orders.reverse()
    assert max(differences(model, record, first)) > 1e-4


def test_a_divergence_bound_stops_the_epochs_of_its_member_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control of the third setting: without the bound there are more epochs."""
    _, record, _ = trained("discrete", SETTINGS[2], monkeypatch)
    assert min(map(len, record.orders)) < SETTINGS[2]["n_epochs"]
