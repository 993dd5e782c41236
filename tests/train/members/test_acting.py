"""Policies act in NumPy as Stable-Baselines3's do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rewardsmith.train.learner import read_state, save_state
from rewardsmith.train.members.acting import ActingPolicies
from rewardsmith.train.members.features import Features

NUMBERS = spaces.Box(-1, 1, (2, 2), np.float32)
OBSERVATIONS: dict[str, spaces.Space[Any]] = {
    "numbers": NUMBERS,
    "doubles": spaces.Box(-5, 5, (3,), np.float64),
    "a choice": spaces.Discrete(5),
    "choices": spaces.MultiDiscrete([3, 4]),
    "switches": spaces.MultiBinary(4),
    "an image": spaces.Box(0, 255, (4, 4, 3), np.uint8),
    "a dict": spaces.Dict(
        {"choice": spaces.Discrete(3), "a": NUMBERS, "b": spaces.Box(0, 9, (1,))}
    ),
}
ACTIONS: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(3),
    "choices": spaces.MultiDiscrete([2, 3]),
    "switches": spaces.MultiBinary(2),
    "box": spaces.Box(-0.1, 0.2, (2, 1), np.float32),
}


class Random(gym.Env[Any, Any]):
    """Random observations of a space."""

    def __init__(self, seen: spaces.Space[Any], action: spaces.Space[Any]) -> None:
        self.observation_space, self.action_space = seen, action

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**options)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, False, False, {}


def checkpoints(
    seen: spaces.Space[Any], action: spaces.Space[Any], folder: Path, normalise: bool
) -> tuple[list[PPO], list[Any], DummyVecEnv]:
    """Three models with other weights and other statistics, saved as checkpoints."""
    torch.set_num_threads(1)
    seen.seed(0)
    base = DummyVecEnv([lambda: Random(seen, action)] * 2)
    policy = "MultiInputPolicy" if isinstance(seen, spaces.Dict) else "MlpPolicy"
    models, venvs = [], []
    for seed in range(3):
        keys = ["a", "b"] if isinstance(seen, spaces.Dict) else None
        venv: Any = VecNormalize(base, norm_obs_keys=keys) if normalise else base
        model = PPO(policy, venv, seed=seed, device="cpu", n_steps=8, batch_size=16)
        model.learn(32)
        save_state(model, venv, folder, str(seed))
        models.append(model)
        venvs.append(venv)
    return models, venvs, base


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("seen", OBSERVATIONS)
def test_actions_are_those_of_predict(seen: str, action: str, tmp_path: Path) -> None:
    normalise = seen in ("numbers", "doubles", "a dict")
    models, venvs, base = checkpoints(OBSERVATIONS[seen], ACTIONS[action], tmp_path, normalise)
    policies = ActingPolicies(models[0], venvs[0], count=3)
    for place in range(3):
        policies.load(place, *read_state(tmp_path, str(place)))
    obs: Any = [base.reset() for _ in range(3)]
    wanted = []
    for model, venv, some in zip(models, venvs, obs, strict=True):
        shown = venv.normalize_obs(some) if normalise else some
        wanted.append(model.predict(shown, deterministic=True)[0])
    joined = (
        {key: np.concatenate([one[key] for one in obs]) for key in obs[0]}
        if isinstance(obs[0], dict)
        else np.concatenate(obs)
    )
    found = policies.act(joined)
    assert found.shape == np.concatenate(wanted).shape
    np.testing.assert_allclose(found, np.concatenate(wanted), rtol=0, atol=1e-6)
    if action == "box":  # the control: another policy acts otherwise
        assert np.abs(found - np.concatenate(wanted[::-1])).max() > 1e-4


@pytest.mark.parametrize("algorithm", [SAC, TD3, DDPG, DQN])
def test_off_policy_actions_are_those_of_predict(algorithm: Any, tmp_path: Path) -> None:
    action = ACTIONS["discrete" if algorithm is DQN else "box"]
    base = DummyVecEnv([lambda: Random(NUMBERS, action)])
    models = [algorithm("MlpPolicy", base, seed=seed, device="cpu") for seed in range(2)]
    policies = ActingPolicies(models[0], base, count=2)
    for place, model in enumerate(models):
        save_state(model, base, tmp_path, str(place))
        policies.load(place, *read_state(tmp_path, str(place)))
    for place, model in enumerate(models):  # loading changes the weights of the first
        model.policy.load_state_dict(read_state(tmp_path, str(place))[0])
    rng = np.random.default_rng(0)
    obs = rng.uniform(-1, 1, (2, 40, 2, 2)).astype(np.float32)
    wanted = [
        model.predict(of, deterministic=True)[0] for model, of in zip(models, obs, strict=True)
    ]
    found = policies.act(obs.reshape(80, 2, 2))
    np.testing.assert_allclose(found, np.concatenate(wanted), rtol=0, atol=1e-6)
    assert (wanted[0] != wanted[1]).any()
    drawn = policies.act(obs.reshape(80, 2, 2), [np.random.default_rng(seed) for seed in range(2)])
    assert (drawn != found).any() == (algorithm is SAC)


def test_drawn_actions_follow_the_distribution(tmp_path: Path) -> None:
    """Frequencies of drawn actions are the chances that Stable-Baselines3 computes."""
    seen = spaces.Box(-1, 1, (2,), np.float32)
    models, venvs, _ = checkpoints(seen, spaces.Discrete(3), tmp_path, normalise=False)
    policies = ActingPolicies(models[0], venvs[0], count=1)
    policies.load(0, *read_state(tmp_path, "0"))
    obs = np.tile(np.array([[0.3, -0.4]], np.float32), (20_000, 1))
    drawn = policies.act(obs, [np.random.default_rng(0)])
    chances = models[0].policy.get_distribution(torch.tensor(obs[:1])).distribution.probs
    wanted = chances.detach().numpy()[0]  # type: ignore[union-attr]
    found = np.bincount(drawn, minlength=3) / len(drawn)
    assert np.abs(found - wanted).max() < 4 * 0.5 / np.sqrt(len(drawn))


def test_features_have_one_row_per_environment() -> None:
    for space in OBSERVATIONS.values():
        features = Features(space)
        batch: Any = space.sample()
        rows = (
            {key: np.stack([value] * 3) for key, value in batch.items()}
            if isinstance(batch, dict)
            else np.stack([batch] * 3)
        )
        found = features(rows)
        assert (found.shape, found.dtype) == ((3, features.width), np.float32)
