"""Q-shaping for Stable-Baselines3's DQN, DDPG, TD3 and SAC: a prior on Q shapes the critic.

    model = rs.q_shaped(SAC, q_prior=expected_return)("MlpPolicy", env)
    model.learn(50_000)
    model.save("sac.zip")                # an SAC like any other: SAC.load("sac.zip")

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

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium import spaces
from pydantic import ValidationError
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import unwrap_vec_wrapper

from rewardsmith.errors import UsageError
from rewardsmith.run.trials import PriorOutcome
from rewardsmith.train.prior.fields import PriorOfFields
from rewardsmith.train.prior.losses import actor_loss, prior_loss
from rewardsmith.train.prior.options import QShaping
from rewardsmith.train.prior.reuse import Reuse
from rewardsmith.train.prior.values import PairValues, PriorBatch, QFunction, QPairs, StoredValues
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.types import Array, FloatArray

_KINDS = (DQN, TD3, SAC)
_TESTED = 0.75  # share of the steps in which it acts in the episodes that test it


class _PriorValues(Protocol):
    @property
    def size(self) -> int: ...

    def set_states(self, states: Any) -> None: ...

    def remember(self, action: Array) -> None: ...

    def best(self, guided: Array, action: Array, rng: np.random.Generator) -> Array: ...

    def batch(self, n: int, rng: np.random.Generator) -> PriorBatch: ...


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
    try:
        shaping = QShaping(**options).of(q_prior)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"q_shaped: {first['loc'][0]}: {first['msg']}", f"found {first['input']!r}"
        ) from None

    def make(*arguments: Any, **settings: Any) -> OffPolicyAlgorithm:
        model = _shaped_class(algorithm)(*arguments, **settings)
        model.q_shaper = QShaper(model, q_prior, shaping)  # type: ignore[attr-defined]
        return model

    return make


class QShaper:
    """Shapes one model's critic by a prior; its random choices leave the learner's as they are.

    Attributes:
        prior: the values of the prior, from which batches are drawn.
        reuse: which episodes the prior guides, and the returns of both kinds.
        accepted: whether the prior may change the networks.
        rejected: whether the prior is rejected for good, also if the model learns on later.
        filled: whether critic and actor were fitted once.
        optimiser: of the steps towards the prior; None once the prior is rejected.
        outcome: of the test of the prior; None before it.
    """

    def __init__(
        self, model: OffPolicyAlgorithm, prior: QFunction | QPairs, options: QShaping
    ) -> None:
        self.options = options
        self._model = model
        self._rng = np.random.default_rng(model.seed)
        self._of_fields = prior if isinstance(prior, PriorOfFields) else None
        self.prior: _PriorValues
        if isinstance(prior, QPairs):
            self.prior = PairValues(model, prior)
        else:
            self.prior = StoredValues(model, prior, seed=(model.seed or 0) + 1)
        self._updates, self.filled = 0, False
        self.reuse = Reuse(model.n_envs)
        self.accepted = not options.prove
        self.outcome: PriorOutcome | None = None
        self._since = 0
        self.rejected = False
        self.optimiser: torch.optim.Optimizer | None = torch.optim.Adam(_critic(model).parameters())

    def acting(self, stored: Array) -> Array:
        """The actions to take, as the buffer stores them: the prior's where it acts.

        Args:
            stored: the learner's actions for its latest observations.
        """
        self.decide()
        if self._is_over:
            return stored
        self.prior.set_states(self._seen())
        share = (self.options.follow or 0.0) * self._time_left() if self.accepted else _TESTED
        guided = self.reuse.acting(share, self._rng) if share else np.zeros(len(stored), bool)
        if not guided.any():
            return stored
        taken = stored.copy()
        taken[guided] = self.prior.best(guided, stored, self._rng)
        return taken

    def stepped(self, stored: Array, rewards: FloatArray, dones: Array) -> None:
        """A vector step is about to be stored.

        Args:
            stored: its actions, as the buffer stores them.
            rewards: those that are stored; the environment's are used in place of VecNormalize's,
                and of a program's the terms that rank.
            dones: which episodes it ended.
        """
        if self._is_over:
            return
        self.prior.remember(stored)
        env: Any = self._model.get_env()
        rewarded, normalising = (
            unwrap_vec_wrapper(env, VecReward),
            self._model.get_vec_normalize_env(),
        )
        if rewarded is not None:
            rewards = rewarded.own_rewards
        elif normalising is not None:
            rewards = normalising.get_original_reward()
        self.reuse.add(rewards, dones)

    def _seen(self) -> Any:
        """What the prior is evaluated on: observations, or recorded fields for a program's."""
        if isinstance(self.prior, PairValues):
            return None
        if self._of_fields is not None:
            return self._of_fields.columns()
        normalised = self._model.get_vec_normalize_env() is not None
        return deepcopy(self._model._last_original_obs if normalised else self._model._last_obs)

    @property
    def _is_over(self) -> bool:
        """Whether the prior will not be evaluated again."""
        return self.rejected or self.filled

    def decide(self) -> None:
        """Accept or reject it, by the returns of its episodes and by the time."""
        options, on_trial = self.options, not self.accepted
        share = self._model.num_timesteps / self._length
        if self._is_over:
            return
        if share >= options.until and (options.mode == "anneal" or not self.accepted):
            self.rejected = True
        elif options.prove and (on_trial or options.follow):
            late = share >= options.prove and self.reuse.seen_enough
            if on_trial and self.reuse.is_better:
                self.accepted, self._since = True, self._model.num_timesteps
            self.rejected = self.reuse.is_worse or (late and not self.accepted)
        if on_trial and (self.accepted or self.rejected):
            own, guided = (
                float(np.mean(returns)) if returns else None for returns in self.reuse.returns
            )
            self.outcome = PriorOutcome(
                accepted=self.accepted, steps=self._model.num_timesteps, guided=guided, own=own
            )

    @property
    def weight(self) -> float:
        """Of a step towards the prior, now."""
        if self.options.mode == "prefill" or not self.accepted:
            return 0.0
        return self.options.weight * self._time_left()

    def _time_left(self) -> float:
        """The share of the prior's time that is left, from 1 to exactly 0."""
        end = self.options.until * self._length
        left = (end - self._model.num_timesteps) / (end - self._since or 1.0)
        return (
            0.0 if self.rejected else min(1.0, max(0.0, left))
        )  # more than 1 at the start of a second training

    @property
    def _length(self) -> int:
        """Steps of the training."""
        return self.options.steps or self._model._total_timesteps or 1

    def before_updates(self, batch_size: int) -> None:
        """Prefill, once the prior is accepted."""
        if (
            self.options.mode != "prefill"
            or self.filled
            or not self.accepted
            or not self.prior.size
        ):
            return
        self.filled = True
        optimiser = torch.optim.Adam(_critic(self._model).parameters(), lr=_rate(self._model))
        for _ in range(self.options.fit_steps):
            self._step(optimiser, batch_size)
        if self.options.actor and not isinstance(self._model, DQN):
            self._move_actor(batch_size)
        _copy_to_targets(self._model)

    def after_updates(self, count: int, batch_size: int) -> None:
        """Take the steps that are due beside so many updates."""
        self.decide()
        weight, owed = (
            self.weight,
            (self._updates + count) // self.options.every - self._updates // self.options.every,
        )
        self._updates += count
        if self.rejected:
            self.optimiser = None  # with all that it remembers
        if weight == 0.0:
            return
        assert self.optimiser is not None
        for group in self.optimiser.param_groups:
            group["lr"] = weight * _rate(self._model)
        for _ in range(owed):
            self._step(self.optimiser, batch_size)

    def _step(self, optimiser: torch.optim.Optimizer, batch_size: int) -> None:
        batch = self.prior.batch(batch_size, self._rng)
        _descend(optimiser, prior_loss(self._model, batch, self.options.part or "q"))

    def _move_actor(self, batch_size: int) -> None:
        """Move the policy's mean towards the best stored actions, and away from the worst."""
        actor: Any = self._model.policy.actor
        optimiser = torch.optim.Adam(actor.parameters(), lr=_rate(self._model))
        for _ in range(self.options.fit_steps):
            batch = self.prior.batch(batch_size, self._rng)
            mean = (
                actor(batch.obs, deterministic=True)
                if isinstance(self._model, SAC)
                else actor(batch.obs)
            )
            _descend(optimiser, actor_loss(mean, batch))


def _descend(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _critic(model: OffPolicyAlgorithm) -> torch.nn.Module:
    network: Any = model.q_net if isinstance(model, DQN) else model.policy.critic
    return network  # type: ignore[no-any-return]


def _copy_to_targets(model: OffPolicyAlgorithm) -> None:
    policy: Any = model.policy
    if isinstance(model, DQN):
        model.q_net_target.load_state_dict(model.q_net.state_dict())
        return
    policy.critic_target.load_state_dict(policy.critic.state_dict())
    if isinstance(model, TD3):
        policy.actor_target.load_state_dict(policy.actor.state_dict())


def _rate(model: OffPolicyAlgorithm) -> float:
    return float(model.lr_schedule(model._current_progress_remaining))


@cache
def _shaped_class(algorithm: type[OffPolicyAlgorithm]) -> type[OffPolicyAlgorithm]:
    """A class below ``algorithm`` that calls its shaper at transitions and updates."""

    class Shaped(algorithm):  # type: ignore[misc, valid-type]
        q_shaper: QShaper | None = None

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
