"""Weights of terms along a training, with real Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize

import rewardsmith as rs
from tests.support.lineworld import LIMIT, LineWorld, write_task

STEPS = 256
PROGRAM = """
def reward(position, next_position, terminated):
    return {"progress": 2.0 * (next_position - position), "goal": 5.0 * terminated}
"""


class Terms(gym.Wrapper[Any, Any, Any, Any]):
    """Terms with the same sum in each step: 3, of which one changes with the position."""

    left_out = 0.0

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, _, _, truncated, info = self.env.step(action)
        terms = {"time": 1.0, "place": float(obs[0]), "rest": 2.0 - float(obs[0])}
        return obs, 3.0 + self.left_out, False, truncated, {**info, "reward_terms": terms}


class LeavesOut(Terms):
    left_out = 0.5


def venv_of(kind: type[Terms] = Terms) -> DummyVecEnv:
    made = [lambda: gym.wrappers.TimeLimit(kind(LineWorld()), LIMIT)] * 2
    venv = DummyVecEnv(made)
    venv.seed(0)
    return venv


class Rewards(BaseCallback):
    """Keeps the rewards that the learner gets, with the steps that were taken before."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[int, Any]] = []

    def _on_step(self) -> bool:
        self.kept.append((self.num_timesteps - 2, self.locals["rewards"].copy()))
        return True


def learn(venv: VecEnv, callbacks: list[BaseCallback], folder: Path | None = None) -> PPO:
    model = PPO("MlpPolicy", venv, n_steps=32, batch_size=32, n_epochs=1, seed=0, device="cpu")
    if folder is not None:
        model.set_logger(configure(str(folder), ["csv"]))
    return model.learn(STEPS, callback=callbacks)


def test_logged_terms_and_rewards_follow_the_schedule(tmp_path: Path) -> None:
    weights = {"time": rs.linear(1.0, 0.0), "place": 0.0, "rest": 0.0}
    logger, rewards = rs.TermLogger(), Rewards()
    venv = VecNormalize(rs.WeightedTerms(venv_of(), weights), norm_reward=False)
    learn(venv, [logger, rewards], tmp_path).logger.close()
    for taken, given in rewards.kept:
        np.testing.assert_allclose(given, 1 - taken / STEPS, rtol=1e-5)
    for episode in logger.episodes:
        taken = np.arange(episode.steps - 2 * episode.length, episode.steps, 2)
        assert episode.terms["time"] == pytest.approx(np.sum(1 - taken / STEPS))
        assert episode.terms["place"] == episode.terms["rest"] == 0.0
    lines = (tmp_path / "progress.csv").read_text().splitlines()
    column = lines[0].split(",").index("reward_weight/time")
    logged = [float(line.split(",")[column]) for line in lines[1:]]
    assert logged == sorted(logged, reverse=True) and logged[0] > 0.7 and logged[-1] < 0.1


def in_steps(venv: VecEnv) -> list[Any]:
    """Rewards and observations of random actions."""
    rng, found = np.random.default_rng(0), [venv.reset()]
    for _ in range(25):
        obs, rewards, *_ = venv.step(rng.uniform(-1, 1, (2, 1)).astype(np.float32))
        found += [obs, rewards]
    venv.close()
    return found


@pytest.mark.parametrize("of_program", [False, True])
def test_weights_of_one_change_nothing(tmp_path: Path, of_program: bool) -> None:
    task = rs.load_task(str(write_task(tmp_path / "line")))

    def venv() -> VecEnv:
        if not of_program:
            return venv_of()
        return rs.VecReward(rs.make_vec_env(task, 2, seed=0), rs.load_program(PROGRAM, task), 0.95)

    weights: Mapping[str, float] = {"progress" if of_program else "time": 1.0}
    for one, other in zip(
        in_steps(venv()), in_steps(rs.WeightedTerms(venv(), weights)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    halved = in_steps(rs.WeightedTerms(venv(), dict.fromkeys(weights, 0.5)))
    assert any((one != other).any() for one, other in zip(in_steps(venv()), halved, strict=True))


@pytest.mark.parametrize(
    ("weights", "kind", "message"),
    [
        ({"tine": 1.0}, Terms, "no term 'tine'; its terms are: time, place, rest"),
        ({"time": rs.linear(1, 0)}, Terms, "no callback says how far the training is"),
        ({"time": 2.0}, LeavesOut, "is not the sum of its terms"),
        ({"time": 2.0}, gym.Wrapper, "has no 'reward_terms'"),
    ],
)
def test_what_weights_cannot_change_is_refused(weights: Any, kind: Any, message: str) -> None:
    with pytest.raises(rs.UsageError, match=message):
        learn(rs.WeightedTerms(venv_of(kind), weights), [])


def test_a_weight_is_a_finite_number_or_a_function() -> None:
    for weight in (float("nan"), "1"):
        with pytest.raises(rs.UsageError, match="the weight of 'time'"):
            rs.WeightedTerms(venv_of(), {"time": weight})  # type: ignore[dict-item]
