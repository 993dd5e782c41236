"""A task's environments as one VecEnv that shares recorder buffers."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from functools import partial
from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecEnvWrapper,
    VecFrameStack,
    VecNormalize,
)
from stable_baselines3.common.vec_env.util import dict_to_obs

from rewardsmith.episodes.recorder import Buffers, record
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.task.environment import make_env, most_steps
from rewardsmith.task.layout import Layout, make_layout
from rewardsmith.task.loading import Task
from rewardsmith.task.observations import check_observations


class RecordedVecEnv(DummyVecEnv):
    """A DummyVecEnv whose environments write into shared :class:`Buffers`.

    Environments are stepped in this process: for cheap environments worker processes cost more than
    they save, and whole trials run side by side anyway.
    """

    def __init__(self, task: Task, n_envs: int, render_mode: str | None = None) -> None:
        bare = _opened(task, n_envs, render_mode)
        try:
            self.layout: Layout = make_layout(task, bare[0])
            self.most_steps = most_steps(task, bare[0])
            self.buffers = Buffers(self.layout, n_envs)
            envs = [
                record(task, env, self.layout, self.buffers, row) for row, env in enumerate(bare)
            ]
            check_observations(envs[0].observation_space, task.env_id)
        except BaseException:
            for env in bare:
                env.close()
            raise
        super().__init__([partial(_given, env) for env in envs])

    def step_wait(self) -> Any:
        """Step and reset as DummyVecEnv does, without copying what is empty or cannot change later.

        Unlike there, the terminal observation is copied before the reset, which may write into the
        same array.
        """
        infos: list[dict[str, Any]] = []
        for row, env in enumerate(self.envs):
            obs, self.buf_rews[row], terminated, truncated, info = env.step(self.actions[row])
            info = deepcopy(info) if info else {}
            info["TimeLimit.truncated"] = truncated and not terminated
            self.buf_dones[row] = done = terminated or truncated
            if done:
                info["terminal_observation"] = deepcopy(obs)
                obs, self.reset_infos[row] = env.reset()
            self._save_obs(row, obs)
            infos.append(info)
        return self._obs_from_buf(), self.buf_rews.copy(), self.buf_dones.copy(), infos

    def _obs_from_buf(self) -> Any:
        return dict_to_obs(
            self.observation_space, {key: rows.copy() for key, rows in self.buf_obs.items()}
        )


def _given(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    return env


def _opened(task: Task, n: int, render_mode: str | None) -> list[gym.Env[Any, Any]]:
    """Bare environments; none stays open if one cannot be made."""
    made: list[gym.Env[Any, Any]] = []
    try:
        while len(made) < n:
            made.append(make_env(task, render_mode))
    except BoundaryError as error:
        for env in made:
            env.close()
        if not made:
            raise
        raise BoundaryError(
            f"{len(made)} of {n} environments of {task.env_id} were open when another one failed: "
            f"{error.message}",
            "if only one can be open at a time, set in the task: [env] exclusive = true, and "
            "[training] n_envs = 1",
            where="environment",
        ) from error
    return made


def make_vec_env(
    task: Task, n_envs: int, seed: int, render_mode: str | None = None
) -> RecordedVecEnv:
    """``n_envs`` recorded environments of a task, seeded.

    Raises:
        UsageError: there is no such environment, or a field does not fit it.
        BoundaryError: the environment fails on reset or in a step.

    Example:
        venv = rs.make_vec_env("mountain-car", 16, seed=0)
    """
    venv = RecordedVecEnv(task, n_envs, render_mode)
    venv.seed(seed)
    for row, env in enumerate(venv.envs):
        env.action_space.seed(seed + row)
    return venv


def buffers_of(venv: VecEnv) -> Buffers:
    """The recorder buffers below a VecEnv.

    Raises:
        UsageError: there is no :class:`RecordedVecEnv` below, or a wrapper between them changes the
            batch.
    """
    layer: VecEnv = venv
    while isinstance(layer, VecEnvWrapper):
        if isinstance(layer, VecNormalize | VecFrameStack):
            name = type(layer).__name__
            raise UsageError(
                f"VecReward cannot stand above {name}",
                f"put it below: {name}(VecReward(venv, …), …)",
            )
        layer = layer.venv
    if not isinstance(layer, RecordedVecEnv):
        raise UsageError(
            f"the environments of this {type(layer).__name__} have no recorder",
            "make the vector with rewardsmith.make_vec_env(task, n_envs, seed)",
        )
    return layer.buffers


def derived_seed(*parts: int | str) -> int:
    """A seed in [0, 2**31) that depends on the parts alone; keeps random streams apart."""
    return (
        int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:4], "big") >> 1
    )
