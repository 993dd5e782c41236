"""What shapes one learner by a prior on Q, in whatever library its networks are.

First the prior is tested: it guides every second episode, acting most of the time (see
:mod:`rewardsmith.train.prior.reuse`). If the returns of these are clearly higher than those of the
learner's own episodes it is accepted, else rejected, and nothing of it ever reaches the networks.
The learner learns from all these episodes: it is off-policy.

Then ``prefill`` fits critic and targets once (and the actor: towards good actions, away from bad
ones). ``anneal`` takes a small step towards the prior beside every k-th update, with a weight that
falls to exactly 0 at ``until``; the prior goes on acting with the same weight, and is rejected as
soon as the returns of its episodes are clearly lower. After that learning is what it would be
without a prior. (A prior that never stopped would act as an additional reward, h / alpha in the
tabular case, and change the optimal policy; the benchmark has one as a control.)

The step has a separate optimiser, whose learning rate is the learner's times the weight. In the
learner's own Adam a weight on the loss would be normalised away, and its moments would go on
pushing after the weight is 0. From Q-shaping (Wu 2024, arXiv 2410.01458), whose selection among
twenty agents is left out: it would cost their training steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize, unwrap_vec_wrapper

from rewardsmith.train.prior.decision import Decision
from rewardsmith.train.prior.options import QShaping
from rewardsmith.train.prior.values import PriorBatch, PriorValues
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.types import Array, FloatArray

Optimiser = TypeVar("Optimiser")


class QShaper(ABC, Generic[Optimiser]):
    """Shapes one learner by a prior; its random choices leave the learner's as they are.

    Args:
        options: with the defaults of :meth:`QShaping.of`.
        n_envs: environments of the learner.
        seed: of the random choices.

    Attributes:
        decision: whether the prior is used, and how much.
        optimiser: of the steps towards the prior; None once the prior is rejected.
    """

    def __init__(self, options: QShaping, n_envs: int, seed: int | None) -> None:
        self.options, self.decision = options, Decision(options, n_envs)
        self._rng = np.random.default_rng(seed)
        self.optimiser: Optimiser | None = self.critic_optimiser()

    @property
    @abstractmethod
    def prior(self) -> PriorValues:
        """The values of the prior, from which batches are drawn."""

    @property
    @abstractmethod
    def env(self) -> VecEnv:
        """What the learner acts in; may normalise."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Environment steps that were taken."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Environment steps of the whole training."""

    @property
    @abstractmethod
    def rate(self) -> float:
        """The learning rate of the learner, now."""

    @abstractmethod
    def states(self) -> Any:
        """The states of the environments, as the prior is given them."""

    @abstractmethod
    def critic_optimiser(self) -> Optimiser:
        """A new optimiser of the critic."""

    @abstractmethod
    def actor_optimiser(self) -> Optimiser | None:
        """A new optimiser of the actor; None if the learner has no actor."""

    @abstractmethod
    def fit_critic(self, optimiser: Optimiser, rate: float, batch: PriorBatch[Array]) -> None:
        """Take a step of the critic towards a batch, as it was stored."""

    @abstractmethod
    def fit_actor(self, optimiser: Optimiser, rate: float, batch: PriorBatch[Array]) -> None:
        """Take a step of the policy's mean towards the best actions, away from the worst."""

    @abstractmethod
    def copy_to_targets(self) -> None:
        """Make the targets of critic and actor equal to them."""

    def acting(self, stored: Array) -> Array:
        """The actions to take, as the memory stores them: the prior's where it acts.

        Args:
            stored: the learner's actions for its latest observations.
        """
        self.decide()
        if self.decision.is_over:
            return stored
        prior = self.prior
        prior.set_states(self.states())
        guided = self.decision.guided(self.steps, self.length, self._rng)
        if not guided.any():
            return stored
        taken = stored.copy()
        taken[guided] = prior.best(guided, stored, self._rng)
        return taken

    def stepped(self, stored: Array, rewards: FloatArray, dones: Array) -> None:
        """A vector step is about to be stored.

        Args:
            stored: its actions, as the memory stores them.
            rewards: those that are stored; the environment's are used in place of VecNormalize's,
                and of a program's the terms that rank.
            dones: which episodes it ended.
        """
        if self.decision.is_over:
            return
        self.prior.remember(stored)
        env = self.env
        rewarded, normalising = unwrap_vec_wrapper(env, VecReward), unwrap_vec_normalize(env)
        if rewarded is not None:
            rewards = rewarded.own_rewards
        elif normalising is not None:
            rewards = normalising.get_original_reward()
        self.decision.reuse.add(rewards, dones)

    def decide(self) -> None:
        """Accept or reject the prior, by the returns of its episodes and by the time."""
        self.decision.decide(self.steps, self.length)

    @property
    def weight(self) -> float:
        """Of a step towards the prior, now."""
        return self.decision.weight(self.steps, self.length)

    def before_updates(self, batch_size: int) -> None:
        """Prefill, once the prior is accepted."""
        if not self.decision.fills or not self.prior.size:
            return
        self.decision.filled = True
        of_critic = self.critic_optimiser()
        for _ in range(self.options.fit_steps):
            self.fit_critic(of_critic, self.rate, self._batch(batch_size))
        of_actor = self.actor_optimiser()
        if self.options.actor and of_actor is not None:
            for _ in range(self.options.fit_steps):
                self.fit_actor(of_actor, self.rate, self._batch(batch_size))
        self.copy_to_targets()

    def after_updates(self, count: int, batch_size: int) -> None:
        """Take the steps that are due beside so many updates."""
        self.decide()
        weight, owed = self.weight, self.decision.owed(count)
        if self.decision.rejected:
            self.optimiser = None  # with all that it remembers
        if weight == 0.0:
            return
        assert self.optimiser is not None
        for _ in range(owed):
            self.fit_critic(self.optimiser, weight * self.rate, self._batch(batch_size))

    def _batch(self, size: int) -> PriorBatch[Array]:
        return self.prior.batch(size, self._rng)


def in_learner_units(values: Array, env: VecEnv) -> Array:
    """Values in the units in which a critic learns, float32: VecNormalize may divide rewards."""
    normalising = unwrap_vec_normalize(env)
    if normalising is not None and normalising.norm_reward:
        values = values / np.sqrt(normalising.ret_rms.var + normalising.epsilon)
    return values.astype(np.float32)
