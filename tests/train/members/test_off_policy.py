"""Updates of SAC, TD3, DDPG and DQN equal those of Stable-Baselines3, alone and beside others."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DDPG, DQN, SAC, TD3
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.train.members.off_policy_settings import algorithm_of
from rewardsmith.train.members.off_policy_weights import read_weights
from rewardsmith.train.members.replay import Batch
from rewardsmith.types import Array

# Adam's own 1e-8 turns a gradient of 1e-9 with the other sign into a full step, so that weights
# after several updates could not be compared.
EPS = {"optimizer_kwargs": {"eps": 1e-3}}
SMALL = {"net_arch": [64, 64], **EPS}
UNEQUAL = {"net_arch": {"pi": [32], "qf": [24, 16]}, "activation_fn": torch.nn.Tanh, **EPS}
CASES: dict[str, tuple[type[OffPolicyAlgorithm], dict[str, Any]]] = {
    "sac": (SAC, {"policy_kwargs": SMALL}),
    "sac from 0.1": (SAC, {"policy_kwargs": UNEQUAL, "ent_coef": "auto_0.1", "tau": 0.02}),
    "sac fixed": (SAC, {"policy_kwargs": SMALL, "ent_coef": 0.2, "target_update_interval": 2}),
    "td3": (TD3, {"policy_kwargs": SMALL}),
    "td3 wide": (TD3, {"policy_kwargs": UNEQUAL, "policy_delay": 3, "target_noise_clip": 0.1}),
    "ddpg": (DDPG, {"policy_kwargs": {"net_arch": [32], **EPS}}),
    "dqn": (DQN, {"policy_kwargs": SMALL, "batch_size": 32, "learning_rate": 1e-3}),
    "dqn clipped": (
        DQN,
        {"policy_kwargs": {"net_arch": [32], **EPS}, "max_grad_norm": 0.01, "learning_rate": 0.02},
    ),
}  # fmt: skip
UPDATES = 6


class Drift(gym.Env[Any, Any]):
    """A point that drifts; actions of two numbers with unlike bounds."""

    observation_space = spaces.Box(-5, 5, (3,), np.float32)
    action_space = spaces.Box(np.array([-2, 0], np.float32), np.array([1, 3], np.float32))

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**options)
        self._left, self._at = 15, self.np_random.normal(size=3)
        return self._at.astype(np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._left -= 1
        self._at = 0.9 * self._at + self.np_random.normal(size=3) * 0.3
        self._at[:2] += 0.1 * np.asarray(action)
        reward = -float(np.square(self._at).sum())
        return self._at.astype(np.float32), reward, reward < -12, self._left == 0, {}


class Recorded(NamedTuple):
    """Updates of a model of Stable-Baselines3.

    Attributes:
        batches: rows of the transitions of each update.
        noise: of each update, as members take it.
        first: the weights before, and ``last`` after all of them.
    """

    model: OffPolicyAlgorithm
    batches: list[Array]
    noise: list[Array]
    first: Mapping[str, torch.Tensor]
    last: Mapping[str, torch.Tensor]


def recorded(case: str, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """A model whose memory is filled, and its first updates in one call of ``train``."""
    torch.set_num_threads(1)
    kind, settings = CASES[case]
    env: Any = gym.make("CartPole-v1") if kind is DQN else Drift()
    settings = {"learning_starts": 200, "buffer_size": 300, "batch_size": 48, **deepcopy(settings)}
    model = kind("MlpPolicy", env, seed=3, device="cpu", **settings)
    model.learn(200)
    first = state(model)
    batches: list[Array] = []
    sample = model.replay_buffer.sample

    def remembered(*arguments: Any, **options: Any) -> Any:
        drawn = sample(*arguments, **options)
        parts = drawn.observations, drawn.actions, drawn.rewards, drawn.dones
        rows = torch.cat([*map(torch.Tensor.float, parts), drawn.next_observations], dim=1)
        batches.append(rows.numpy())
        return drawn

    monkeypatch.setattr(model.replay_buffer, "sample", remembered)
    torch.manual_seed(11)
    model.train(gradient_steps=UPDATES, batch_size=model.batch_size)
    torch.manual_seed(11)
    noise = [drawn_again(model) for _ in range(UPDATES)]
    return Recorded(model, batches, noise, first, state(model))


def drawn_again(model: OffPolicyAlgorithm) -> Array:
    """The random numbers of an update, drawn as the model drew them after the same seed."""
    shape = model.batch_size, *(model.action_space.shape or ())
    if isinstance(model, SAC):
        draws = [torch.normal(torch.zeros(shape), torch.ones(shape)).T for _ in range(2)]
        return torch.stack(draws).numpy()
    if isinstance(model, TD3):
        return torch.empty(shape).normal_(0, model.target_policy_noise).numpy()
    return np.empty(0, np.float32)


def state(model: OffPolicyAlgorithm) -> dict[str, torch.Tensor]:
    """The weights of a model, with the temperature of SAC."""
    found = {name: tensor.clone() for name, tensor in model.policy.state_dict().items()}
    if getattr(model, "log_ent_coef", None) is not None:
        found["log_ent_coef"] = model.log_ent_coef.detach().clone()
    return found


def load(model: OffPolicyAlgorithm, weights: Mapping[str, torch.Tensor]) -> None:
    rest = {name: tensor for name, tensor in weights.items() if name != "log_ent_coef"}
    model.policy.load_state_dict(rest)
    if "log_ent_coef" in weights:
        model.log_ent_coef.data.copy_(weights["log_ent_coef"])


def differences(record: Recorded) -> dict[str, float]:
    """The largest difference of the weights of each network, of a member in the middle of 3."""
    model, rng = record.model, np.random.default_rng(0)
    make = algorithm_of(model)
    trained, wanted = make(3), make(1)
    for parameters in trained.parameters.values():
        parameters.values[...] = rng.normal(0, 0.1, parameters.values.shape)
    load(model, record.first)
    read_weights(model, trained, 1)
    load(model, record.last)
    read_weights(model, wanted, 0)
    inputs = model.observation_space.shape[0]
    numbers = int(np.prod(model.action_space.shape or (1,)))
    rate = model.lr_schedule(1)
    for place, (rows, noise) in enumerate(zip(record.batches, record.noise, strict=True)):
        stack = np.stack([rng.permutation(rows), rows, rows[::-1]])
        others = rng.permutation(noise.ravel()).reshape(noise.shape)
        batch = Batch(stack, inputs, numbers)
        trained.update(batch, np.stack([others, noise, others]), rate, place)
    return {
        name: float(np.abs(parameters.values[1] - wanted.parameters[name].values[0]).max())
        for name, parameters in trained.parameters.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_weights_after_updates_are_those_of_stable_baselines3(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = differences(recorded(case, monkeypatch))
    assert max(found.values()) < 1e-5, found


@pytest.mark.parametrize("case", ["sac", "td3", "ddpg", "dqn", "dqn clipped"])
def test_other_batches_give_other_weights(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the comparison above can fail."""
    record = recorded(case, monkeypatch)
    record.batches[0] = record.batches[1]
    found = differences(record)
    assert max(found.values()) > 1e-4, found
