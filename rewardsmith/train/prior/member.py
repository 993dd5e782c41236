"""Q-shaping in NumPy: a program's prior shapes one member of an off-policy learner.

What a shaper does, and why, is in :mod:`rewardsmith.train.prior.shaper`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from rewardsmith.train.members.adam import Adam
from rewardsmith.train.members.member_networks import MemberNetworks
from rewardsmith.train.members.off_policy_learner import OffPolicyMembers
from rewardsmith.train.prior.fields import PriorOfFields
from rewardsmith.train.prior.gradients import actor_gradient, critic_gradient
from rewardsmith.train.prior.options import QShaping
from rewardsmith.train.prior.shaper import QShaper, in_learner_units
from rewardsmith.train.prior.values import PriorBatch, PriorValues, StoredValues
from rewardsmith.types import Array


class MemberShaper(QShaper[Adam]):
    """Shapes a member; it draws what :class:`Sb3Shaper` draws for the same model.

    Args:
        learner: the member is one of its.
        place: of the member.
        prior: of a program, which reads the fields of the member's environments.
    """

    def __init__(
        self, learner: OffPolicyMembers, place: int, prior: PriorOfFields, options: QShaping
    ) -> None:
        model = learner.models[place]
        self._learner, self._fields, self._gamma = learner, prior, model.gamma
        self._environments = learner.environments[place]
        self._networks = learner.networks_of(place)
        rng = np.random.default_rng((model.seed or 0) + 1)
        self._prior = StoredValues(model.policy, learner.memory_of(place), prior, rng)
        super().__init__(options, model.n_envs, model.seed)

    @property
    def prior(self) -> PriorValues:
        """The values of the prior beside the member's memory."""
        return self._prior

    @property
    def env(self) -> VecEnv:
        """The environments of the member."""
        return self._environments.venv

    @property
    def steps(self) -> int:
        """Environment steps that the member has taken."""
        return self._learner.steps

    @property
    def length(self) -> int:
        """Environment steps of the training."""
        return self._learner.length

    @property
    def rate(self) -> float:
        """The learning rate, now."""
        return self._learner.rate

    def moved(self, networks: MemberNetworks) -> None:
        """Go on with the networks at their new place."""
        self._networks = networks
        if self.optimiser is not None:
            before, self.optimiser = self.optimiser, self.critic_optimiser()
            self.optimiser.take(before, [0])

    def states(self) -> Mapping[str, Array]:
        """The recorded fields."""
        return self._fields.columns()

    def critic_optimiser(self) -> Adam:
        """An Adam of its own."""
        return Adam(self._networks.critic)

    def actor_optimiser(self) -> Adam | None:
        """An Adam of its own; None for DQN."""
        actor = self._networks.actor
        return None if actor is None else Adam(actor)

    def fit_critic(self, optimiser: Adam, rate: float, batch: PriorBatch[Array]) -> None:
        """Take a step of the critic towards a batch, as it was stored."""
        batch, part = self._as_seen(batch), self.options.part or "q"
        found = self._networks.values(batch.obs, batch.actions)
        self._networks.backward(critic_gradient(found, batch.values, part, self._gamma))
        optimiser.step(np.array([rate]))

    def fit_actor(self, optimiser: Adam, rate: float, batch: PriorBatch[Array]) -> None:
        """Take a step of the policy's mean towards the best actions, away from the worst."""
        batch = self._as_seen(batch)
        mean = self._networks.means(batch.obs)
        self._networks.means_backward(actor_gradient(mean, batch))
        optimiser.step(np.array([rate]))

    def copy_to_targets(self) -> None:
        """Make the targets equal to critic and actor."""
        self._networks.copy_to_targets()

    def _as_seen(self, batch: PriorBatch[Array]) -> PriorBatch[Array]:
        """A batch as the networks take it, in the units of the critic; changes its rows."""
        self._environments.normalise_observations(batch.obs)
        return batch._replace(values=in_learner_units(batch.values, self.env))
