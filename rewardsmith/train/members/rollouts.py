"""Steps of the environments of several members, each with their own, and what is learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from rewardsmith.errors import ProgramError
from rewardsmith.train.members.actions import for_environment
from rewardsmith.train.members.actor_critic import ActorCritic
from rewardsmith.train.members.features import Features
from rewardsmith.train.members.ppo import Samples, advantages_of
from rewardsmith.types import Array


class _Cut(NamedTuple):
    """An episode that a time limit ended: where, and what was seen last, shape (inputs,)."""

    member: int
    step: int
    row: int
    observation: Array


class Rollouts:
    """Collects rollouts of T steps of n environments for each of G members.

    Args:
        networks: that act and estimate values.
        venvs: the environments of each member, all with the same spaces.
        generators: of each member's random numbers.
        n_steps: T.

    Attributes:
        rewards, dones: of the latest rollout, shape (G, T, n); rewards may be put in later, before
            :meth:`samples`.
        broken: errors of members whose program broke in a step of the latest rollout; they took no
            further steps, and must be dropped before :meth:`samples`.
    """

    def __init__(
        self,
        networks: ActorCritic,
        venvs: Sequence[VecEnv],
        generators: Sequence[np.random.Generator],
        n_steps: int,
    ) -> None:
        self._networks, self._venvs, self._generators = networks, list(venvs), list(generators)
        members, n = len(venvs), venvs[0].num_envs
        self._features = Features(venvs[0].observation_space)
        self._space = venvs[0].action_space
        distribution = networks.distribution
        numeric = np.float32 if isinstance(self._space, spaces.Box) else np.int64
        self._observations = np.zeros((members, n_steps + 1, n, self._features.width), np.float32)
        self._outputs = np.zeros((members, distribution.outputs, n_steps, n), np.float32)
        self._actions = np.zeros((members, n_steps, n, distribution.numbers), numeric)
        self.rewards = np.zeros((members, n_steps, n), np.float32)
        self.dones = np.zeros((members, n_steps, n), bool)
        self.broken: dict[int, ProgramError] = {}
        self._cuts: list[_Cut] = []

    def begin(self) -> None:
        """Reset all environments."""
        for member in range(len(self._venvs)):
            self.begin_member(member)

    def begin_member(self, member: int) -> None:
        """Reset the environments of a member."""
        self._observations[member, -1] = self._features(self._venvs[member].reset())

    def take(self, other: Rollouts, members: Sequence[int]) -> None:
        """Go on where some members of other rollouts are, with what they have collected."""
        self._observations[...] = other._observations[members]
        self._actions[...] = other._actions[members]
        self._outputs[...] = other._outputs[members]
        self.rewards[...], self.dones[...] = other.rewards[members], other.dones[members]
        self._cuts = [
            cut._replace(member=members.index(cut.member))
            for cut in other._cuts
            if cut.member in members
        ]

    def seen(self, member: int) -> Array:
        """The latest observations of a member, shape (n, inputs); a view."""
        latest: Array = self._observations[member, -1]
        return latest

    def collect(self, stepped: Callable[[], None]) -> None:
        """Fill the rollout.

        Args:
            stepped: called after each vector step.
        """
        self._cuts = []
        self._observations[:, 0] = self._observations[:, -1]
        distribution, n_steps = self._networks.distribution, self.rewards.shape[1]
        shape = self.rewards.shape[1:]
        noise = np.stack([distribution.noise(rng, shape) for rng in self._generators])
        for step in range(n_steps):
            outputs = self._networks.policy(self._observations[:, step])
            self._outputs[:, :, step] = outputs
            actions = distribution.sample(outputs, noise[:, step])
            self._actions[:, step] = actions
            going = [place for place in range(len(self._venvs)) if place not in self.broken]
            taken = for_environment(actions, self._space)
            for member in going:
                self._venvs[member].step_async(taken[member])
            for member in going:
                try:
                    self._finish(member, step)
                except ProgramError as error:
                    self.broken[member] = error
            stepped()
            if len(self.broken) == len(self._venvs):
                return

    def samples(self, gamma: float, gae_lambda: float) -> Samples:
        """The latest rollout with values, advantages and returns."""
        members, n_steps, n = self.rewards.shape
        seen = self._observations.reshape(members, (n_steps + 1) * n, -1)
        values = self._networks.value(seen).reshape(members, n_steps + 1, n)
        rewards = self.rewards + np.float32(gamma) * self._values_of_cut(n_steps, n)
        advantages = np.stack(
            [
                advantages_of(*of_member, gamma, gae_lambda)
                for of_member in zip(rewards, values, self.dones, strict=True)
            ]
        )
        flat = members, n_steps * n
        outputs = self._outputs.reshape(members, -1, n_steps * n)
        actions = self._actions.reshape(*flat, -1)
        return Samples(
            observations=seen[:, : n_steps * n],
            actions=actions,
            log_prob=self._networks.distribution.value(outputs, actions).log_prob,
            values=values[:, :-1].reshape(flat),
            advantages=advantages.reshape(flat),
            returns=(advantages + values[:, :-1]).reshape(flat),
        )

    def _finish(self, member: int, step: int) -> None:
        """Take in what a vector step of a member gave."""
        obs, self.rewards[member, step], dones, infos = self._venvs[member].step_wait()
        self.dones[member, step] = dones
        self._observations[member, step + 1] = self._features(obs)
        for row in np.flatnonzero(dones).tolist():
            if infos[row].get("TimeLimit.truncated", False):
                last = self._features.of_one(infos[row]["terminal_observation"])
                self._cuts.append(_Cut(member, step, row, last))

    def _values_of_cut(self, n_steps: int, n: int) -> Array:
        """Values of the last observations of episodes that a time limit ended, else 0."""
        found = np.zeros((len(self._venvs), n_steps, n), np.float32)
        for member in range(len(self._venvs)):
            cuts = [cut for cut in self._cuts if cut.member == member]
            if not cuts:
                continue
            _, steps, rows, last = zip(*cuts, strict=True)
            of_member = slice(member, member + 1)
            found[member, steps, rows] = self._networks.value(np.stack(last)[None], of_member)[0]
        return found
