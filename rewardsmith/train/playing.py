"""Episodes of trained policies, those of several checkpoints at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from rewardsmith.episodes.recorder import History
from rewardsmith.errors import BoundaryError
from rewardsmith.task.actions import random_action
from rewardsmith.task.environment import LIMIT
from rewardsmith.task.loading import Task
from rewardsmith.task.training import TrainingSpec
from rewardsmith.train.learner import make_policy, normalised, read_state
from rewardsmith.train.members.acting import acting_policies
from rewardsmith.train.observing import observed
from rewardsmith.train.trainers import OpenFunctions
from rewardsmith.train.vectors import RecordedVecEnv, make_vec_env
from rewardsmith.types import Array, Episode

# shares of random actions, in even steps from the first episode to the last
_DISTURBED = (0.1, 0.9)


class Rollout(NamedTuple):
    """Episodes of a policy and the environment steps that they took."""

    episodes: list[Episode]
    steps: int


class Player:
    """Plays episodes with the weights of checkpoints.

    All at once, each in an environment of its own; one after another where the training has one
    environment, because there may be only one.

    Args:
        checkpoints: most that play at once.
        episodes: of each.
        open_functions: of the trial: what a term of its reward shows is part of what the policy
            sees.
    """

    def __init__(
        self,
        task: Task,
        training: TrainingSpec,
        checkpoints: int,
        episodes: int,
        open_functions: OpenFunctions,
        render_mode: str | None = None,
    ) -> None:
        only_one = training.n_envs == 1 and not task.spec.env.vector
        self._turns = episodes if only_one else 1
        self._count = 1 if only_one else checkpoints
        self._episodes = episodes // self._turns  # of each checkpoint in one turn
        self.base = make_vec_env(task, self._count * self._episodes, 0, render_mode)
        try:
            self.functions = open_functions(self.base)
            self._venv = observed(self.base, self.functions.reward, training.policy)
        except BaseException:
            self.base.close()
            raise
        top = normalised(self._venv, training)
        self._space = top.action_space
        self._policies = acting_policies(lambda: make_policy(training, top), top, self._count)

    def close(self) -> None:
        """Close the environments."""
        self.base.close()

    def play(
        self,
        folder: Path,
        checkpoints: Sequence[str],
        seed: int,
        deterministic: bool,
        *,
        disturbed: bool = False,
    ) -> list[Rollout]:
        """Episodes of each checkpoint, on the same seeds: one on each, from ``seed`` on.

        Args:
            disturbed: replace a share of the actions by random ones, see :class:`_Disturbing`.
        """
        rollouts = []
        for begin in range(0, len(checkpoints), self._count):
            some = checkpoints[begin : begin + self._count]
            for place, name in enumerate(some):
                self._policies.load(place, *read_state(folder / "checkpoints", name))
            turns = [
                self._turn(len(some), seed, turn, deterministic, disturbed)
                for turn in range(self._turns)
            ]
            rollouts += [_joined(of_one) for of_one in zip(*turns, strict=True)]
        return rollouts

    def _turn(
        self, count: int, seed: int, turn: int, deterministic: bool, disturbed: bool
    ) -> list[Rollout]:
        """One episode in each environment of the first policies."""
        base, episodes = self.base, self._episodes
        own = np.arange(base.num_envs) % episodes
        base.seed_rows([seed + turn + int(row) for row in own])
        generators = None
        if not deterministic:
            generators = [np.random.default_rng(seed + turn) for _ in range(self._count)]
        disturb = None
        if disturbed:
            shares = np.linspace(*_DISTURBED, self._turns * episodes)[turn :: self._turns]
            playing = shares[own[: count * episodes]]
            disturb = _Disturbing(playing, base.envs, self._space, seed + turn)
        steps, found = play_episodes(
            lambda obs: self._policies.act(obs, generators),
            self._venv,
            base,
            disturb,
            rows=count * episodes,
        )
        return [
            Rollout(found[begin : begin + episodes], sum(steps[begin : begin + episodes]))
            for begin in range(0, count * episodes, episodes)
        ]


def _joined(turns: Sequence[Rollout]) -> Rollout:
    episodes = [episode for turn in turns for episode in turn.episodes]
    return Rollout(episodes, sum(turn.steps for turn in turns))


class _Disturbing:
    """Replaces a share of the actions by random ones, in each environment its own share.

    Args:
        shares: of the first environments, shape (n,).
    """

    def __init__(
        self, shares: Array, envs: Sequence[gym.Env[Any, Any]], space: spaces.Space[Any], seed: int
    ) -> None:
        self._shares = shares
        self._envs = envs
        self._space = space
        self._space.seed(seed)
        self._rng = np.random.default_rng(seed)

    def __call__(self, actions: Array) -> Array:
        for row in np.flatnonzero(self._rng.random(len(self._shares)) < self._shares).tolist():
            actions[row] = random_action(self._envs[row], self._space)
        return actions


def play_episodes(
    act: Callable[[Any], Array],
    venv: VecEnv,
    base: RecordedVecEnv,
    disturb: Callable[[Array], Array] | None = None,
    rows: int | None = None,
) -> tuple[list[int], list[Episode]]:
    """One episode in each environment; an environment whose episode ended is left alone.

    Args:
        act: actions for observations of all environments.
        disturb: changes the actions of each vector step, shape (n, ...).
        rows: play in so many environments, from the first on; by default in all.

    Returns:
        Environment steps and episodes, by environment.

    Raises:
        BoundaryError: an episode does not end.
    """
    obs = venv.reset()
    base.buffers.begin()
    history, found, taken = History(base.buffers), dict[int, Episode](), 0
    wanted = base.num_envs if rows is None else rows
    base.idle[:] = np.arange(base.num_envs) >= wanted
    while len(found) < wanted:
        actions = act(obs)
        if disturb is not None:
            actions = disturb(actions)
        obs, _, dones, _ = venv.step(actions)
        taken += 1
        for row, episode in history.add(dones & ~base.idle):
            found[row] = episode
        base.idle |= dones
        base.buffers.advance()
        if taken > base.most_steps:
            raise BoundaryError(
                f"an episode did not end within {base.most_steps} steps",
                LIMIT,
                where="environment",
            )
    base.idle[:] = False
    episodes = [found[row] for row in range(wanted)]
    return [len(episode) for episode in episodes], episodes
