"""TD3 for several members (Fujimoto et al. 2018, arXiv 1802.09477), and DDPG.

DDPG (Lillicrap et al. 2015, arXiv 1509.02971) is TD3 with one critic, without delay, and without
noise on the actions of the target. Losses, their order and the defaults are those of
Stable-Baselines3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.train.members.adam import Adam
from rewardsmith.train.members.critics import CriticForm, Critics, critic_parameters
from rewardsmith.train.members.member_networks import PairNetworks
from rewardsmith.train.members.off_policy import MakeOptimiser, OffPolicy
from rewardsmith.train.members.parameters import Parameters, Target
from rewardsmith.train.members.replay import Batch
from rewardsmith.train.members.single import Form, Network, network_parameters
from rewardsmith.types import Array


class Td3Settings(NamedTuple):
    """Hyper-parameters by the names of Stable-Baselines3."""

    gamma: float
    tau: float
    policy_delay: int
    target_policy_noise: float
    target_noise_clip: float


class Td3(OffPolicy):
    """TD3 and DDPG.

    Args:
        actor, critic: the forms of the networks.
        optimiser: makes those of the networks.
    """

    def __init__(
        self,
        members: int,
        actor: Form,
        critic: CriticForm,
        settings: Td3Settings,
        optimiser: MakeOptimiser = Adam,
    ) -> None:
        self._settings, self._numbers, self._forms = settings, actor.outputs, (actor, critic)
        of_actor, of_actor_target = (network_parameters(members, actor) for _ in range(2))
        self._actor, self._actor_target = Network(of_actor, actor), Network(of_actor_target, actor)
        of_critic, of_target = (critic_parameters(members, critic) for _ in range(2))
        self._critic, self._critic_target = Critics(of_critic, critic), Critics(of_target, critic)
        self._first_critic = Critics(of_critic, critic, slice(0, 1))
        trained = {"actor": of_actor, "critic": of_critic}
        followers = {"actor_target": of_actor_target, "critic_target": of_target}
        self._targets = [
            Target(of, follower, settings.tau)
            for of, follower in zip(trained.values(), followers.values(), strict=True)
        ]
        optimisers = {name: optimiser(parameters) for name, parameters in trained.items()}
        super().__init__(trained | followers, optimisers)

    def act(self, observations: Array, generators: Sequence[np.random.Generator]) -> Array:
        """Those of the actor."""
        return np.tanh(self._actor.act(observations)).swapaxes(1, 2)

    def noise(self, rng: np.random.Generator, batch_size: int) -> Array:
        """On the actions of the target, not yet clipped, shape (B, numbers)."""
        noise = rng.standard_normal((batch_size, self._numbers), np.float32)
        return noise * np.float32(self._settings.target_policy_noise)

    def update(self, batch: Batch, noise: Array, rate: float, place: int) -> Mapping[str, Array]:
        """Of the critics and, with a delay, of the actor and the targets."""
        rates = np.full(len(noise), rate)
        self.updates += 1
        found = {"critic_loss": self._update_critics(batch, noise, rates)}
        if self.updates % self._settings.policy_delay == 0:
            found["actor_loss"] = self._update_actor(batch, rates)
            for target in self._targets:
                target.follow()
        return found

    def networks(self, parameters: Mapping[str, Parameters]) -> PairNetworks:
        """Networks on such parameters of one member."""
        return PairNetworks(parameters, *self._forms)

    def _update_critics(self, batch: Batch, noise: Array, rates: Array) -> Array:
        """Take a step of the critics; their loss, shape (G,)."""
        settings, following = self._settings, batch.next_observations
        actions = np.tanh(self._actor_target.act(following)).swapaxes(1, 2)
        most = np.float32(settings.target_noise_clip)
        actions = np.clip(actions + np.clip(noise, -most, most), -1, 1)
        pairs = np.concatenate([following, actions], axis=2)
        values = self._critic_target.forward(pairs).min(axis=1)
        goal = batch.rewards + (1 - batch.dones) * np.float32(settings.gamma) * values
        error = self._critic.forward(batch.pairs) - goal[:, None]
        self._critic.backward(error * np.float32(2 / error.shape[2]))
        self.optimisers["critic"].step(rates)
        return np.asarray(np.square(error).mean(axis=2).sum(axis=1))

    def _update_actor(self, batch: Batch, rates: Array) -> Array:
        """Take a step of the actor; its loss, shape (G,)."""
        actions = np.tanh(self._actor.forward(batch.observations))
        pairs = np.concatenate([batch.observations, actions.swapaxes(1, 2)], axis=2)
        values = self._first_critic.forward(pairs)
        gradient = np.full_like(values, -1 / values.shape[2])
        of_actions = self._first_critic.action_gradient(gradient).swapaxes(1, 2)
        self._actor.backward(of_actions * (1 - actions * actions))
        self.optimisers["actor"].step(rates)
        loss: Array = -values[:, 0].mean(axis=1)
        return loss
