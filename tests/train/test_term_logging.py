"""Terms of a reward in a user's own script, with real Stable-Baselines3 and real log files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize

import rewardsmith as rs
from tests.support.lineworld import LIMIT, LineWorld, write_task

PROGRAM = """
def reward(position, next_position, terminated):
    return {"progress": 2.0 * (next_position - position), "goal": 5.0 * terminated}
"""


class Walk(gym.Wrapper[Any, Any, Any, Any]):
    """A user's environment, whose info has the terms."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, terminated, truncated, {**info, "parts": {"time": -1.0, "goal": 3}}


def logged(venv: VecEnv, folder: Path, steps: int = 128, **settings: Any) -> rs.TermLogger:
    """Train PPO for some steps, with a log in CSV."""
    logger = rs.TermLogger(**settings)
    model = PPO("MlpPolicy", venv, n_steps=32, batch_size=32, n_epochs=1, seed=0, device="cpu")
    model.set_logger(configure(str(folder), ["csv", "tensorboard"]))
    model.learn(steps, callback=logger)
    model.logger.close()
    venv.close()
    return logger


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "progress.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_terms_of_an_environment_are_summed_by_episode_and_logged(tmp_path: Path) -> None:
    def walk() -> gym.Env[Any, Any]:
        return gym.wrappers.TimeLimit(Walk(LineWorld()), LIMIT)

    logger = logged(DummyVecEnv([walk, walk]), tmp_path, key="parts", prefix="terms")
    assert len(logger.episodes) >= 10
    for episode in logger.episodes:
        assert episode.terms == {"time": -episode.length, "goal": 3 * episode.length}
        assert episode.native is None and 1 <= episode.length <= LIMIT
    first, *_, last = rows_of(tmp_path)
    before = [e for e in logger.episodes if e.steps <= int(first["time/total_timesteps"])]
    assert float(first["terms/time"]) == pytest.approx(np.mean([e.terms["time"] for e in before]))
    assert last["terms/time"]
    assert list(tmp_path.glob("events.out.tfevents*"))


@pytest.mark.parametrize("vectorised", [False, True])
def test_the_terms_of_a_program_are_logged_with_the_native_return(
    tmp_path: Path, vectorised: bool
) -> None:
    """By the wrapper of one environment and by that of many: the same sums."""
    task = write_task(tmp_path / "line")
    with rs.load_program(PROGRAM, str(task)) as program:
        if vectorised:
            venv: VecEnv = VecNormalize(
                rs.VecReward(rs.make_vec_env(rs.load_task(task), 2, seed=0), program, gamma=0.95)
            )
        else:
            env = gym.wrappers.TimeLimit(LineWorld(), LIMIT)
            venv = DummyVecEnv([lambda: rs.RewardWrapper(env, program)])
        logger = logged(venv, tmp_path / "log", steps=640)
    for episode in logger.episodes:
        assert set(episode.terms) == {"progress", "goal"}
        assert episode.native in (0.0, 1.0) and episode.terms["goal"] == 5.0 * episode.native
        assert abs(episode.terms["progress"]) <= 4.0
    assert any(episode.terms["goal"] for episode in logger.episodes)
    (row, *_) = rows_of(tmp_path / "log")
    assert {"reward/progress", "reward/goal", "rollout/native_return"} <= set(row)


def test_an_off_policy_learner_logs_them_too(tmp_path: Path) -> None:
    logger = rs.TermLogger("parts")
    env = gym.wrappers.TimeLimit(Walk(LineWorld()), LIMIT)
    model = SAC("MlpPolicy", env, learning_starts=1_000, policy_kwargs={"net_arch": [4]})
    model.set_logger(configure(str(tmp_path), ["csv"]))
    model.learn(60, callback=logger, log_interval=2)
    model.logger.close()
    assert sum(episode.length for episode in logger.episodes) > 60 - LIMIT
    assert all(row["reward/time"] for row in rows_of(tmp_path))


def test_without_terms_nothing_is_logged(tmp_path: Path) -> None:
    env = gym.wrappers.TimeLimit(LineWorld(), LIMIT)
    assert logged(DummyVecEnv([lambda: env]), tmp_path).episodes == []
