"""A task's environments as one VecEnv that shares recorder buffers."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecEnvWrapper,
    VecFrameStack,
    VecNormalize,
)
from stable_baselines3.common.vec_env.util import dict_to_obs

from rewardsmith.episodes.recorder import Buffers, record
from rewardsmith.episodes.vector_recorder import VectorRecorder
from rewardsmith.errors import BoundaryError, UsageError, boundary
from rewardsmith.task.environment import longest_episode, make_env, most_steps
from rewardsmith.task.layout import Layout, make_layout
from rewardsmith.task.loading import Task
from rewardsmith.task.observations import check_observations
from rewardsmith.task.vector import make_vector
from rewardsmith.train.replaying import EpisodesUnderWay
from rewardsmith.types import Array


class RecordedVecEnv(VecEnv):
    """Environments of a task whose values are recorded in :class:`Buffers` that they share.

    All are stepped in this process: for cheap environments worker processes cost more than they
    save, and whole trials run side by side anyway.

    Attributes:
        layout: what is recorded.
        buffers: one row per environment.
        envs: one single environment per row; of a vector environment the same for all rows, which
            is never stepped.
        most_steps: after which an episode counts as endless.
        idle: rows that need not be stepped, shape (n,), bool; their values mean nothing.
        under_way: what the episodes under way can be replayed from.
        latest: the latest observations.
    """

    layout: Layout
    buffers: Buffers
    envs: list[gym.Env[Any, Any]]
    most_steps: int
    idle: Array
    under_way: EpisodesUnderWay
    latest: Any

    def replay(self) -> Any:
        """Play the episodes under way again, after their beginnings and actions were restored.

        Returns:
            The latest observations, as a step returns them.

        Raises:
            BoundaryError: the environment failed, or an episode ended, which had not.
        """
        with boundary("environment", "replaying the episodes under way"):
            obs = self._replayed()
        rows = range(self.num_envs)
        self.buffers.was_reset[:] = [not self.under_way.length(row) for row in rows]
        self.buffers.advance()
        return obs

    @abstractmethod
    def _replayed(self) -> Any:
        """Play them; return the latest observations."""

    @property
    @abstractmethod
    def streams(self) -> list[object]:
        """What the environment of each row draws random numbers from; None where it is unknown."""

    def seed_rows(self, seeds: Sequence[int]) -> None:
        """Seed the next reset of each row."""
        self._seeds = list(seeds)


class ScalarVecEnv(DummyVecEnv, RecordedVecEnv):
    """Single environments, stepped one after the other."""

    def __init__(self, task: Task, n_envs: int, render_mode: str | None = None) -> None:
        bare = _opened(task, n_envs, render_mode)
        try:
            self.layout = make_layout(task, bare[0])
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
        self.idle = np.zeros(n_envs, bool)
        self.under_way = EpisodesUnderWay(n_envs)
        super().__init__([partial(_given, env) for env in envs])

    def reset(self) -> Any:
        """Reset as DummyVecEnv does."""
        for row, stream in enumerate(self.streams):
            self.under_way.begins(row, self._seeds[row], stream)
        return super().reset()

    def step_async(self, actions: Any) -> None:
        """Take the actions of the next step."""
        self.under_way.acts(actions)
        super().step_async(actions)

    def step_wait(self) -> Any:
        """Step and reset as DummyVecEnv does, without copying the values in info.

        Unlike there, the terminal observation is copied before the reset, which may write into the
        same array.
        """
        infos: list[dict[str, Any]] = []
        for row, env in enumerate(self.envs):
            if self.idle[row]:
                self.buf_dones[row] = False
                infos.append({})
                continue
            obs, self.buf_rews[row], terminated, truncated, info = env.step(self.actions[row])
            info = {**info, "TimeLimit.truncated": truncated and not terminated}
            self.buf_dones[row] = done = terminated or truncated
            if done:
                info["terminal_observation"] = deepcopy(obs)
                self.under_way.begins(row, None, _stream_of(env))
                obs, self.reset_infos[row] = env.reset()
            self._save_obs(row, obs)
            infos.append(info)
        return self._obs_from_buf(), self.buf_rews.copy(), self.buf_dones.copy(), infos

    def _replayed(self) -> Any:
        for row, env in enumerate(self.envs):
            obs, _ = env.reset(seed=self.under_way.start(row, _stream_of(env)))
            self.buffers.advance()
            for action in self.under_way.actions(row):
                obs, _, terminated, truncated, _ = env.step(action)
                self.buffers.advance()
                _must_go_on(terminated or truncated)
            self._save_obs(row, obs)
        return self.latest

    @property
    def latest(self) -> Any:
        """Copies of the latest observations."""
        return self._obs_from_buf()

    @property
    def streams(self) -> list[object]:
        """The generators that Gymnasium gives to each environment."""
        return [_stream_of(env) for env in self.envs]

    def _obs_from_buf(self) -> Any:
        return dict_to_obs(
            self.observation_space, {key: rows.copy() for key, rows in self.buf_obs.items()}
        )


class BatchVecEnv(RecordedVecEnv):
    """A vector environment of a task, which steps all rows at once.

    See :mod:`rewardsmith.task.vector`.
    """

    def __init__(self, task: Task, n_envs: int) -> None:
        single = make_env(task)
        try:
            self._vector = make_vector(task, n_envs, single)
            self.layout = make_layout(task, single)
            check_observations(single.observation_space, task.env_id)
        except BaseException:
            single.close()
            raise
        self.most_steps = most_steps(task, single)
        self.buffers = Buffers(self.layout, n_envs)
        self.envs = [single] * n_envs
        self._recorder = VectorRecorder(self._vector, self.buffers)
        self._limit = longest_episode(task, single) or self.most_steps + 1
        self._lengths = np.zeros(n_envs, np.int64)
        self.idle = np.zeros(n_envs, bool)
        self._actions: Array = np.zeros(0)
        self.under_way = EpisodesUnderWay(n_envs)
        super().__init__(n_envs, single.observation_space, single.action_space)

    def reset(self) -> Any:
        """Reset all rows, with the seeds that were set since the last reset."""
        for row, stream in enumerate(self.streams):
            self.under_way.begins(row, self._seeds[row], stream)
        with boundary("environment", "resetting the vector environment"):
            obs, infos = self._vector.reset(seed=list(self._seeds))  # type: ignore[arg-type]
        self._reset_seeds()
        self._lengths[:] = 0
        self._recorder.reset(np.ones(self.num_envs, bool), obs, infos)
        self.latest = obs
        return obs

    def step_async(self, actions: Any) -> None:
        """Take the actions of the next step."""
        self._actions = np.asarray(actions)
        self.under_way.acts(self._actions)

    def step_wait(self) -> Any:
        """Step all rows, and reset those whose episode ended."""
        with boundary("environment", "stepping the vector environment"):
            obs, rewards, terminated, truncated, infos = self._vector.step(self._actions)
        self._lengths += 1
        truncated = truncated | (self._lengths >= self._limit)
        self._recorder.step(self._actions, obs, rewards, terminated, truncated, infos)
        dones = terminated | truncated
        about: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            for row in np.flatnonzero(dones).tolist():
                cut = bool(truncated[row] and not terminated[row])
                last = _row(obs, row)
                about[row] = {"TimeLimit.truncated": cut, "terminal_observation": last}
            obs = self._reset_rows(dones)
        self.latest = obs
        return obs, np.asarray(rewards, np.float32), dones, about

    def _replayed(self) -> Any:
        """Play all rows side by side so that they end together; what they do before is ignored."""
        taken = self.under_way.latest_actions
        self._lengths = np.array([self.under_way.length(row) for row in range(self.num_envs)])
        begins = len(taken) - self._lengths
        self._begin_again(np.ones(self.num_envs, bool))
        for place, actions in enumerate(taken):
            self._begin_again(begins == place)
            obs, rewards, terminated, truncated, infos = self._vector.step(actions)
            self._recorder.step(actions, obs, rewards, terminated, truncated, infos)
            self.buffers.advance()
            _must_go_on((terminated | truncated)[begins <= place].any())
            self.latest = obs
        self._begin_again(begins == len(taken))
        return self.latest

    def _begin_again(self, rows: Array) -> None:
        """Reset rows in the way their episodes began."""
        if not rows.any():
            return
        seeds: list[int | None] = [None] * self.num_envs
        for row in np.flatnonzero(rows).tolist():
            seeds[row] = self.under_way.start(row, self.streams[row])
        given: Any = {"seed": seeds, "options": {"reset_mask": rows}}
        self.latest, infos = self._vector.reset(**given)
        self._recorder.reset(rows, self.latest, infos)

    @property
    def streams(self) -> list[object]:
        """Those that the vector environment shows."""
        return list(getattr(self._vector, "streams", [None] * self.num_envs))

    def _reset_rows(self, rows: Array) -> Any:
        for row in np.flatnonzero(rows).tolist():
            self.under_way.begins(row, None, self.streams[row])
        with boundary("environment", "resetting rows of the vector environment"):
            obs, infos = self._vector.reset(options={"reset_mask": rows})
        self._lengths[rows] = 0
        self._recorder.reset(rows, obs, infos)
        return obs

    def close(self) -> None:
        """Close the vector and the single environment."""
        self._vector.close()
        self.envs[0].close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of the single environment, once per row."""
        value = self.envs[0].get_wrapper_attr(attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Not possible: the rows have no attributes."""
        raise NotImplementedError("the rows of a vector environment have no attributes")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **more: Any) -> Any:
        """Not possible: the rows have no methods."""
        raise NotImplementedError("the rows of a vector environment have no methods")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No row is wrapped."""
        return [False for _ in self._get_indices(indices)]


def _row(obs: Any, row: int) -> Any:
    if isinstance(obs, dict):
        return {key: values[row].copy() for key, values in obs.items()}
    return obs[row].copy()


def _stream_of(env: gym.Env[Any, Any]) -> object:
    return getattr(env.unwrapped, "np_random", None)


def _must_go_on(ended: bool) -> None:
    if ended:
        raise BoundaryError("an episode ended that had not ended before", where="environment")


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
    venv: RecordedVecEnv
    if task.spec.env.vector and render_mode is None:
        venv = BatchVecEnv(task, n_envs)
    else:
        venv = ScalarVecEnv(task, n_envs, render_mode)
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
