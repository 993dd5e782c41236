"""Soft actor-critic for several members (Haarnoja et al. 2018, arXiv 1812.05905).

Losses, their order and the defaults are those of Stable-Baselines3.
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
from rewardsmith.train.members.squashed import actions_of, draw, draw_gradient
from rewardsmith.types import Array


class SacSettings(NamedTuple):
    """Hyper-parameters by the names of Stable-Baselines3.

    Attributes:
        ent_coef: a fixed one; None where it is learned.
    """

    gamma: float
    tau: float
    ent_coef: float | None
    target_entropy: float
    target_update_interval: int


class Sac(OffPolicy):
    """SAC.

    Args:
        actor, critic: the forms of the networks.
        optimiser: makes those of the networks.
    """

    def __init__(
        self,
        members: int,
        actor: Form,
        critic: CriticForm,
        settings: SacSettings,
        optimiser: MakeOptimiser = Adam,
    ) -> None:
        self._settings, self._forms = settings, (actor, critic)
        of_actor = network_parameters(members, actor)
        self._actor = Network(of_actor, actor)
        of_critic, of_target = (critic_parameters(members, critic) for _ in range(2))
        self._critic, self._critic_target = Critics(of_critic, critic), Critics(of_target, critic)
        self._target = Target(of_critic, of_target, settings.tau)
        parameters = {"actor": of_actor, "critic": of_critic}
        optimisers = {name: optimiser(trained) for name, trained in parameters.items()}
        parameters["critic_target"] = of_target
        temperature = Parameters(members, {"log_ent_coef": (1,)})
        self._log_ent_coef = temperature["log_ent_coef"]
        self._ent_coef_gradient = temperature.gradient("log_ent_coef")
        if settings.ent_coef is None:
            parameters["log_ent_coef"] = temperature
            optimisers["log_ent_coef"] = Adam(temperature)
        super().__init__(parameters, optimisers)
        self._numbers = actor.outputs // 2
        self._pairs: dict[int, Array] = {}

    def act(self, observations: Array, generators: Sequence[np.random.Generator]) -> Array:
        """Drawn from the policy."""
        shape = self._numbers, observations.shape[1]
        noise = np.stack([rng.standard_normal(shape, np.float32) for rng in generators])
        return actions_of(self._actor.act(observations), noise).swapaxes(1, 2)

    def noise(self, rng: np.random.Generator, batch_size: int) -> Array:
        """Of the actions for the observations and for the next ones, shape (2, numbers, B)."""
        return rng.standard_normal((2, self._numbers, batch_size), np.float32)

    def update(self, batch: Batch, noise: Array, rate: float, place: int) -> Mapping[str, Array]:
        """Of the temperature, of the critics and of the actor."""
        settings = self._settings
        rates = np.full(len(noise), rate)
        drawn = draw(self._actor.forward(batch.observations), noise[:, 0])
        found: dict[str, Array] = {}
        ent_coef = self._ent_coef()
        if settings.ent_coef is None:
            off = drawn.log_prob.mean(axis=1, keepdims=True) + np.float32(settings.target_entropy)
            found["ent_coef_loss"] = -(self._log_ent_coef * off)[:, 0]
            np.negative(off, out=self._ent_coef_gradient)
            self.optimisers["log_ent_coef"].step(rates)
        found["critic_loss"] = self._update_critics(batch, noise[:, 1], ent_coef, rates)
        size = np.float32(drawn.log_prob.shape[1])
        values = self._critic.forward(self._joined(batch.observations, drawn.actions))
        lowest = values.min(axis=1)
        of_actions = self._critic.action_gradient(_of_lowest(values) / -size)
        of_log_prob = np.broadcast_to(ent_coef / size, lowest.shape)
        self._actor.backward(draw_gradient(drawn, of_actions.swapaxes(1, 2), of_log_prob))
        self.optimisers["actor"].step(rates)
        if place % settings.target_update_interval == 0:
            self._target.follow()
        self.updates += 1
        found["actor_loss"] = (ent_coef * drawn.log_prob - lowest).mean(axis=1)
        return found | {"ent_coef": ent_coef[:, 0]}

    def _update_critics(self, batch: Batch, noise: Array, ent_coef: Array, rates: Array) -> Array:
        """Take a step of the critics; their loss, shape (G,)."""
        following = batch.next_observations
        drawn = draw(self._actor.act(following), noise)
        values = self._critic_target.forward(self._joined(following, drawn.actions)).min(axis=1)
        values -= ent_coef * drawn.log_prob
        goal = batch.rewards + (1 - batch.dones) * np.float32(self._settings.gamma) * values
        error = self._critic.forward(batch.pairs) - goal[:, None]
        self._critic.backward(error / np.float32(error.shape[2]))
        self.optimisers["critic"].step(rates)
        loss: Array = np.float32(0.5) * np.square(error).mean(axis=2).sum(axis=1)
        return loss

    def networks(self, parameters: Mapping[str, Parameters]) -> PairNetworks:
        """Networks on such parameters of one member."""
        return PairNetworks(parameters, *self._forms)

    def _ent_coef(self) -> Array:
        """Shape (G, 1)."""
        fixed = self._settings.ent_coef
        if fixed is None:
            return np.asarray(np.exp(self._log_ent_coef))
        return np.full_like(self._log_ent_coef, fixed)

    def _joined(self, observations: Array, actions: Array) -> Array:
        """Pairs for the critics, valid until the next call of the same size.

        Args:
            observations: shape (G, B, inputs).
            actions: shape (G, numbers, B).
        """
        members, size, inputs = observations.shape
        if size not in self._pairs:
            shape = members, size, inputs + self._numbers
            self._pairs[size] = np.empty(shape, np.float32)
        pairs = self._pairs[size]
        pairs[:, :, :inputs], pairs[:, :, inputs:] = observations, actions.swapaxes(1, 2)
        return pairs


def _of_lowest(values: Array) -> Array:
    """1 at the lowest of the values of each sample, of equal ones at the first, else 0."""
    first = np.argmin(values, axis=1)[:, None]
    return np.asarray(np.arange(values.shape[1])[:, None] == first, np.float32)
