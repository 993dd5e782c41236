"""Q-shaping for Stable-Baselines3's DQN, DDPG, TD3 and SAC: a prior on Q shapes the critic.

    model = rs.q_shaped(SAC, q_prior=expected_return)("MlpPolicy", env)
    model.learn(50_000)
    model.save("sac.zip")                # an SAC like any other: SAC.load("sac.zip")

What a shaper does, and why, is in :mod:`rewardsmith.train.prior.shaper`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from rewardsmith.errors import UsageError
from rewardsmith.train.prior.fields import PriorOfFields
from rewardsmith.train.prior.losses import TensorBatch, actor_loss, prior_loss
from rewardsmith.train.prior.options import QShaping, shaping_options
from rewardsmith.train.prior.shaper import QShaper, in_learner_units
from rewardsmith.train.prior.values import (
    PairValues,
    PriorBatch,
    PriorValues,
    QFunction,
    QPairs,
    StoredValues,
)
from rewardsmith.types import Array

_KINDS = (DQN, TD3, SAC)


def q_shaped(
    algorithm: type[OffPolicyAlgorithm], *, q_prior: QFunction | QPairs, **options: Any
) -> Callable[..., OffPolicyAlgorithm]:
    """A maker of models of ``algorithm`` that use a prior on Q.

    Args:
        algorithm: DQN, DDPG, TD3 or SAC, or a class below them.
        q_prior: a function, see :data:`rewardsmith.train.prior.values.QFunction`, or pairs.
        options: of :class:`rewardsmith.train.prior.options.QShaping`.

    Returns:
        What takes the same arguments as the algorithm, and makes an instance of it.

    Raises:
        UsageError: another algorithm, an unknown option, or pairs that shall act or order actions.

    Example:
        def q_prior(obs, actions):  # -> (n,), the expected return of each action
            return -abs(obs[:, 0] - actions[:, 0])

        model = rs.q_shaped(SAC, q_prior=q_prior)("MlpPolicy", env)
        model.learn(50_000)
    """
    if not issubclass(algorithm, _KINDS):
        raise UsageError(
            f"{algorithm.__name__} has no Q that could be shaped", "use DQN, DDPG, TD3 or SAC"
        )
    shaping = shaping_options(q_prior, options)

    def make(*arguments: Any, **settings: Any) -> OffPolicyAlgorithm:
        model = _shaped_class(algorithm)(*arguments, **settings)
        model.q_shaper = Sb3Shaper(model, q_prior, shaping)  # type: ignore[attr-defined]
        return model

    return make


class Sb3Shaper(QShaper[torch.optim.Optimizer]):
    """Shapes a model of Stable-Baselines3."""

    def __init__(
        self, model: OffPolicyAlgorithm, prior: QFunction | QPairs, options: QShaping
    ) -> None:
        self._model, self._function = model, prior
        self._rng_of_actions = np.random.default_rng((model.seed or 0) + 1)
        self._buffer: Any = None
        self._values = self._valued()
        super().__init__(options, model.n_envs, model.seed)

    def _valued(self) -> PriorValues:
        model, prior = self._model, self._function
        self._buffer = model.replay_buffer
        if isinstance(prior, QPairs):
            return PairValues(model.policy, prior)
        return StoredValues(model.policy, self._buffer, prior, self._rng_of_actions)

    @property
    def prior(self) -> PriorValues:
        """Its values; evaluated again if the model has a new buffer."""
        if self._model.replay_buffer is not self._buffer:
            self._values = self._valued()
        return self._values

    @property
    def env(self) -> VecEnv:
        """The environments that the model has now."""
        env = self._model.get_env()
        assert env is not None, "a model that learns has environments"
        return env

    @property
    def steps(self) -> int:
        """Environment steps that were taken."""
        return self._model.num_timesteps

    @property
    def length(self) -> int:
        """Environment steps that ``learn`` was called with."""
        return self._model._total_timesteps

    @property
    def rate(self) -> float:
        """The learning rate of the model, now."""
        return float(self._model.lr_schedule(self._model._current_progress_remaining))

    def states(self) -> Any:
        """Observations, or recorded fields for a program's prior; None for pairs."""
        if isinstance(self._function, QPairs):
            return None
        if isinstance(self._function, PriorOfFields):
            return self._function.columns()
        normalised = self._model.get_vec_normalize_env() is not None
        return deepcopy(self._model._last_original_obs if normalised else self._model._last_obs)

    def critic_optimiser(self) -> torch.optim.Optimizer:
        """An Adam of its own."""
        return torch.optim.Adam(_critic(self._model).parameters())

    def actor_optimiser(self) -> torch.optim.Optimizer | None:
        """An Adam of its own; None for DQN."""
        if isinstance(self._model, DQN):
            return None
        actor: Any = self._model.policy.actor
        return torch.optim.Adam(actor.parameters())

    def fit_critic(
        self, optimiser: torch.optim.Optimizer, rate: float, batch: PriorBatch[Array]
    ) -> None:
        """Take a step of the critic towards a batch, as it was stored."""
        loss = prior_loss(self._model, self.as_tensors(batch), self.options.part or "q")
        _descend(optimiser, rate, loss)

    def fit_actor(
        self, optimiser: torch.optim.Optimizer, rate: float, batch: PriorBatch[Array]
    ) -> None:
        """Take a step of the policy's mean towards the best actions, away from the worst."""
        actor: Any = self._model.policy.actor
        tensors, is_sac = self.as_tensors(batch), isinstance(self._model, SAC)
        mean = actor(tensors.obs, deterministic=True) if is_sac else actor(tensors.obs)
        _descend(optimiser, rate, actor_loss(mean, tensors))

    def copy_to_targets(self) -> None:
        """Make the targets equal to critic and actor."""
        model, policy = self._model, self._model.policy
        if isinstance(model, DQN):
            model.q_net_target.load_state_dict(model.q_net.state_dict())
            return
        of_critic, critic = policy.critic_target, policy.critic
        of_critic.load_state_dict(critic.state_dict())  # type: ignore[union-attr]
        if isinstance(model, TD3):
            model.actor_target.load_state_dict(model.actor.state_dict())

    def as_tensors(self, batch: PriorBatch[Array]) -> TensorBatch:
        """A batch as the networks take it, in the units of the critic."""
        obs, normalising = batch.obs, self._model.get_vec_normalize_env()
        if normalising is not None:
            obs = normalising.normalize_obs(obs)
        is_dict = isinstance(obs, dict)
        seen = {key: self._tensor(of) for key, of in obs.items()} if is_dict else self._tensor(obs)
        actions = None if batch.actions is None else self._tensor(batch.actions)
        return PriorBatch(seen, actions, self._tensor(in_learner_units(batch.values, self.env)))

    def _tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values), device=self._model.device)


def _descend(optimiser: torch.optim.Optimizer, rate: float, loss: torch.Tensor) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _critic(model: OffPolicyAlgorithm) -> torch.nn.Module:
    network: Any = model.q_net if isinstance(model, DQN) else model.policy.critic
    return network  # type: ignore[no-any-return]


@cache
def _shaped_class(algorithm: type[OffPolicyAlgorithm]) -> type[OffPolicyAlgorithm]:
    """A class below ``algorithm`` that calls its shaper at transitions and updates."""

    class Shaped(algorithm):  # type: ignore[misc, valid-type]
        q_shaper: Sb3Shaper | None = None

        def _store_transition(self, replay_buffer: Any, buffer_action: Array, *rest: Any) -> None:
            if self.q_shaper is not None:
                self.q_shaper.stepped(buffer_action, rest[1], rest[2])
            super()._store_transition(replay_buffer, buffer_action, *rest)

        def _sample_action(self, *arguments: Any, **settings: Any) -> tuple[Array, Array]:
            action, stored = super()._sample_action(*arguments, **settings)
            if self.q_shaper is not None:
                stored = self.q_shaper.acting(stored)
                boxed = isinstance(self.action_space, spaces.Box)
                action = self.policy.unscale_action(stored) if boxed else stored
            return action, stored

        def train(self, gradient_steps: int, batch_size: int = 100) -> None:
            if self.q_shaper is not None:
                self.q_shaper.before_updates(batch_size)
            super().train(gradient_steps, batch_size)
            if self.q_shaper is not None:
                self.q_shaper.after_updates(gradient_steps, batch_size)

        def _excluded_save_params(self) -> list[str]:
            return [*super()._excluded_save_params(), "q_shaper"]

    Shaped.__name__ = Shaped.__qualname__ = f"QShaped{algorithm.__name__}"
    return Shaped
