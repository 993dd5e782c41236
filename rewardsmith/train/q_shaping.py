"""Q-shaping for Stable-Baselines3's DQN, TD3 and SAC: the critic begins from, or is drawn to, what somebody believes.

    model = rs.q_shaped(SAC, q_prior=believed)("MlpPolicy", env)
    model.learn(50_000)
    model.save("sac.zip")                # an SAC like any other: SAC.load("sac.zip")

``prefill`` fits critic and targets once, before the first update (and the actor: towards good actions, away from bad
ones). ``anneal`` takes a small step towards the prior beside every k-th update, with a weight that falls to exactly 0
at ``until``. After that, learning is what it would be without a prior: however wrong it was, it is forgotten, as every
start is. ``persistent`` never stops, and so is a reward of its own (h / alpha, tabular): it changes what is optimal.

The step has an optimiser of its own, whose learning rate is the learner's times the weight. In the learner's own Adam a
weight on the loss would be normalised away, and its moments would go on pushing after the weight is 0. From Q-shaping
(Wu 2024, arXiv 2410.01458), whose selection among twenty agents is left out: its steps would have to be paid.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, Protocol

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.errors import UsageError
from rewardsmith.train.q_prior import Believed, PairBeliefs, QFunction, QPairs, StoredBeliefs
from rewardsmith.types import Array

Part = Literal["q", "actions", "states"]
_KINDS = (DQN, TD3, SAC)
_MARGIN = 0.5  # how far the actor is pushed from a bad action, in the policy's range of -1 to 1


class QShaping(BaseModel):
    """How a prior on Q is used.

    Attributes:
        mode: see the head of this module.
        part: what of it is used: ``q`` all of it, ``actions`` only how it orders actions (values are compared with
            their mean over actions), ``states`` only that mean.
        weight: of a step towards the prior, in units of the learner's own steps.
        until: share of the training after which the weight is 0.
        every: a step towards the prior beside every so many updates.
        fit_steps: gradient steps of ``prefill``.
        actor: whether ``prefill`` also moves the actor, where there is one.
        biased: what ``persistent`` needs to be said.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["prefill", "anneal", "persistent"] = "anneal"
    part: Part = "q"
    weight: float = Field(1.0, gt=0)
    until: float = Field(0.3, gt=0, le=1)
    every: int = Field(2, ge=1)
    fit_steps: int = Field(500, ge=1)
    actor: bool = True
    biased: bool = False


class _Beliefs(Protocol):
    @property
    def size(self) -> int: ...

    def remember(self, obs: Any, action: Array) -> None: ...

    def batch(self, n: int, rng: np.random.Generator) -> Believed: ...


def q_shaped(
    algorithm: type[OffPolicyAlgorithm], *, q_prior: QFunction | QPairs, **options: Any
) -> Callable[..., OffPolicyAlgorithm]:
    """A maker of models of ``algorithm`` that use a prior on Q.

    Args:
        algorithm: DQN, TD3 or SAC, or a class of one's own below them.
        q_prior: a function, see :data:`rewardsmith.train.q_prior.QFunction`, or pairs.
        options: of :class:`QShaping`.

    Returns:
        What takes the same arguments as the algorithm, and makes an instance of it.

    Raises:
        UsageError: another algorithm, an unknown option, or ``persistent`` without ``biased=True``.
    """
    if not issubclass(algorithm, _KINDS):
        raise UsageError(f"{algorithm.__name__} has no Q that could be shaped", "use DQN, TD3 or SAC")
    try:
        shaping = QShaping(**options)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"q_shaped: {first['loc'][0]}: {first['msg']}", f"found {first['input']!r}") from None
    if shaping.mode == "persistent" and not shaping.biased:
        raise UsageError(
            "a prior that stays changes what is optimal, like a reward of its own",
            "use anneal or prefill; or say that you want that: biased=True",
        )

    def make(*arguments: Any, **settings: Any) -> OffPolicyAlgorithm:
        model = _shaped_class(algorithm)(*arguments, **settings)
        model.q_shaper = QShaper(model, q_prior, shaping)  # type: ignore[attr-defined]
        return model

    return make


class QShaper:
    """Draws one model's critic to a prior. Its random choices are its own: the learner's are as without it."""

    def __init__(self, model: OffPolicyAlgorithm, prior: QFunction | QPairs, options: QShaping) -> None:
        self.options = options
        self._model = model
        self._rng = np.random.default_rng(model.seed)
        self._beliefs: _Beliefs
        if isinstance(prior, QPairs):
            self._beliefs = PairBeliefs(model, prior)
        else:
            self._beliefs = StoredBeliefs(model, prior, seed=(model.seed or 0) + 1)
        self._updates, self._filled = 0, False
        self._optimiser: torch.optim.Optimizer | None = torch.optim.Adam(_critic(model).parameters())

    def remember(self, obs: Any, action: Array) -> None:
        """A vector step is about to be stored."""
        if self.weight > 0 or (self.options.mode == "prefill" and not self._filled):
            self._beliefs.remember(obs, action)

    @property
    def weight(self) -> float:
        """Of a step towards the prior, now."""
        options, model = self.options, self._model
        if options.mode == "prefill":
            return 0.0
        if options.mode == "persistent":
            return options.weight
        end = options.until * (model._total_timesteps or 1)
        return options.weight * max(0.0, 1.0 - model.num_timesteps / end)

    def before_updates(self, batch_size: int) -> None:
        """Prefill, before the first of them."""
        if self.options.mode != "prefill" or self._filled or not self._beliefs.size:
            return
        self._filled = True
        optimiser = torch.optim.Adam(_critic(self._model).parameters(), lr=_rate(self._model))
        for _ in range(self.options.fit_steps):
            self._step(optimiser, batch_size)
        if self.options.actor and not isinstance(self._model, DQN):
            self._move_actor(batch_size)
        _copy_to_targets(self._model)

    def after_updates(self, count: int, batch_size: int) -> None:
        """The steps that are owed beside so many updates."""
        weight, owed = self.weight, (self._updates + count) // self.options.every - self._updates // self.options.every
        self._updates += count
        if weight == 0.0:
            self._optimiser = None  # with all that it remembers
            return
        assert self._optimiser is not None
        for group in self._optimiser.param_groups:
            group["lr"] = weight * _rate(self._model)
        for _ in range(owed):
            self._step(self._optimiser, batch_size)

    def _step(self, optimiser: torch.optim.Optimizer, batch_size: int) -> None:
        _descend(optimiser, belief_loss(self._model, self._beliefs.batch(batch_size, self._rng), self.options.part))

    def _move_actor(self, batch_size: int) -> None:
        """The policy's mean towards the best of the actions asked about, and away from the worst."""
        actor: Any = self._model.policy.actor
        optimiser = torch.optim.Adam(actor.parameters(), lr=_rate(self._model))
        for _ in range(self.options.fit_steps):
            batch = self._beliefs.batch(batch_size, self._rng)
            mean = actor(batch.obs, deterministic=True) if isinstance(self._model, SAC) else actor(batch.obs)
            _descend(optimiser, _actor_loss(mean, batch))


def belief_loss(model: OffPolicyAlgorithm, batch: Believed, part: Part) -> torch.Tensor:
    """Mean squared distance of the critic, or of all critics, from what is believed.

    Args:
        part: ``actions`` and ``states`` compare deviations from the mean over actions, and that mean.
    """
    known = ~torch.isnan(batch.values)
    wanted = torch.where(known, batch.values, torch.zeros_like(batch.values))
    losses = []
    for found in _critic_values(model, batch):
        difference = torch.where(known, found - wanted, torch.zeros_like(found))
        mean = difference.sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True)
        if part == "actions":
            difference = torch.where(known, difference - mean, torch.zeros_like(difference))
        elif part == "states":
            difference = mean
        losses.append((difference**2).sum(dim=1).mean() / (1 if part == "states" else known.shape[1]))
    return torch.stack(losses).sum()


def _critic_values(model: OffPolicyAlgorithm, batch: Believed) -> list[torch.Tensor]:
    """What each critic says of the actions of a batch, shape (n, m)."""
    if isinstance(model, DQN):
        return [model.q_net(batch.obs)]
    assert batch.actions is not None
    n, m, _ = batch.actions.shape
    if isinstance(batch.obs, dict):
        obs: Any = {key: value.repeat_interleave(m, dim=0) for key, value in batch.obs.items()}
    else:
        obs = batch.obs.repeat_interleave(m, dim=0)
    critic: Any = model.policy.critic
    return [values.reshape(n, m) for values in critic(obs, batch.actions.reshape(n * m, -1))]


def _actor_loss(mean: torch.Tensor, batch: Believed) -> torch.Tensor:
    """Squared distance to the best action, if it is good; a hinge where the mean is near the worst, if it is bad."""
    assert batch.actions is not None
    rows = torch.arange(len(mean))
    values, m = batch.values, batch.values.shape[1]
    middle = values.mean(dim=1) if m > 1 else torch.zeros(len(mean))
    best, worst = values.argmax(dim=1), values.argmin(dim=1)
    towards = ((mean - batch.actions[rows, best]) ** 2).sum(dim=1) * (values[rows, best] > middle)
    apart = (mean - batch.actions[rows, worst]).norm(dim=1)
    away = torch.clamp(_MARGIN - apart, min=0.0) ** 2 * (values[rows, worst] < middle + (m == 1) * 1e-9)
    return (towards + away).mean()


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
    """A class below ``algorithm`` that tells its shaper of transitions and updates."""

    class Shaped(algorithm):  # type: ignore[misc, valid-type]
        q_shaper: QShaper | None = None

        def _store_transition(self, replay_buffer: Any, buffer_action: Array, *rest: Any) -> None:
            if self.q_shaper is not None:
                seen = self._last_obs if self._vec_normalize_env is None else self._last_original_obs
                self.q_shaper.remember(seen, buffer_action)
            super()._store_transition(replay_buffer, buffer_action, *rest)

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
