"""Q-shaping for Stable-Baselines3's DQN, TD3 and SAC: the critic begins from, or is drawn to, what somebody believes.

    model = rs.q_shaped(SAC, q_prior=believed)("MlpPolicy", env)
    model.learn(50_000)
    model.save("sac.zip")                # an SAC like any other: SAC.load("sac.zip")

First the prior has to prove itself: it leads every second episode, acting most of the time (see
:mod:`rewardsmith.train.reuse`). If these are clearly paid more than the learner's own it is believed, else let go, and
nothing of it ever reaches the networks. What was tried either way is learned from: the learner is off-policy.

Then ``prefill`` fits critic and targets once (and the actor: towards good actions, away from bad ones). ``anneal``
takes a small step towards the prior beside every k-th update, with a weight that falls to exactly 0 at ``until``; the
prior goes on leading as much as it weighs, and is let go as soon as its episodes are clearly paid less. After that
learning is what it would be without a prior. ``persistent`` never stops, and so is a reward of its own (h / alpha,
tabular): it changes what is optimal.

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
from gymnasium import spaces
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.errors import UsageError
from rewardsmith.train.jobs import PriorOutcome
from rewardsmith.train.q_prior import Believed, PairBeliefs, QFunction, QPairs, StoredBeliefs
from rewardsmith.train.reuse import Reuse
from rewardsmith.types import Array, FloatArray

Part = Literal["q", "actions", "states"]
_KINDS = (DQN, TD3, SAC)
_FOLLOW = 0.75
_PROVE = 0.2
_TRIED = 0.75  # share of the steps in which it acts in episodes by which it has to prove itself
_ORDER_SHARE = 0.2  # of the values, times 1 - gamma: the margin between two actions
_MARGIN = 0.5  # how far the actor is pushed from a bad action, in the policy's range of -1 to 1


class QShaping(BaseModel):
    """How a prior on Q is used.

    Attributes:
        mode: see the head of this module.
        part: what of it is used: ``actions`` only how it orders the actions of a state, ``states`` only its mean over
            actions, ``q`` all of it; by default ``actions``, but ``q`` to prefill, to persist, and of pairs.
        weight: of a step towards the prior, in units of the learner's own steps; with 0 it only acts.
        until: share of the training after which the weight is 0.
        every: a step towards the prior beside every so many updates.
        prove: share of the training in which it has to prove itself (longer, up to ``until``, where four episodes of
            each take longer); with 0 it is believed without. By default 0.2, and 0 of what says no order of actions,
            pairs and ``states``, and for the control, ``persistent``.
        follow: share of the steps of every second episode in which it acts once it is believed, falling to 0 with the
            weight; by default 0.75 to anneal, else 0.
        fit_steps: gradient steps of ``prefill``.
        actor: whether ``prefill`` also moves the actor, where there is one.
        biased: what ``persistent`` needs to be said.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["prefill", "anneal", "persistent"] = "anneal"
    part: Part | None = None
    weight: float = Field(1.0, ge=0)
    prove: float | None = Field(None, ge=0, le=1)
    until: float = Field(0.5, gt=0, le=1)
    every: int = Field(1, ge=1)
    follow: float | None = Field(None, ge=0, le=1)
    fit_steps: int = Field(500, ge=1)
    actor: bool = True
    biased: bool = False

    def of(self, prior: QFunction | QPairs) -> QShaping:
        """These options with the defaults that depend on the mode and on what is believed.

        Raises:
            UsageError: what is believed says no order of actions.
        """
        pairs = isinstance(prior, QPairs)
        part = self.part or ("actions" if self.mode == "anneal" and not pairs else "q")
        orders = part != "states" and not pairs
        follow = (_FOLLOW if orders and self.mode == "anneal" else 0.0) if self.follow is None else self.follow
        prove = (_PROVE if orders and self.mode != "persistent" else 0.0) if self.prove is None else self.prove
        if pairs and (part == "actions" or follow > 0 or prove > 0):
            raise UsageError("pairs say what one action is worth, and no order", "leave out part, follow and prove")
        return self.model_copy(update={"part": part, "follow": follow, "prove": prove})


class _Beliefs(Protocol):
    @property
    def size(self) -> int: ...

    def remember(self, obs: Any, action: Array) -> None: ...

    def best(self, obs: Any, action: Array, rng: np.random.Generator) -> Array: ...

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
        UsageError: another algorithm, an unknown option, ``persistent`` without ``biased=True``, or pairs that shall
            act or order actions.
    """
    if not issubclass(algorithm, _KINDS):
        raise UsageError(f"{algorithm.__name__} has no Q that could be shaped", "use DQN, TD3 or SAC")
    try:
        shaping = QShaping(**options).of(q_prior)
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
        self._reuse = Reuse(model.n_envs)
        self.believed = not options.prove
        self.outcome: PriorOutcome | None = None
        self._since = 0
        self.let_go = False  # for good, also where the model goes on to learn later
        self._optimiser: torch.optim.Optimizer | None = torch.optim.Adam(_critic(model).parameters())

    def acting(self, obs: Any, stored: Array) -> Array:
        """The actions to take, as the buffer stores them: the prior's where it leads, elsewhere the learner's own.

        Args:
            obs: as the environments gave them, shape (n_envs, ...).
            stored: what the learner would do.
        """
        self._judge()
        share = (self.options.follow or 0.0) * self._time_left() if self.believed else _TRIED
        if self.let_go or share == 0.0:
            return stored
        led = self._reuse.acting(share, self._rng)
        if not led.any():
            return stored
        seen = {key: values[led] for key, values in obs.items()} if isinstance(obs, dict) else obs[led]
        taken = stored.copy()
        taken[led] = self._beliefs.best(seen, stored[led], self._rng)
        return taken

    def remember(self, obs: Any, action: Array) -> None:
        """A vector step is about to be stored."""
        if not self.let_go and not self._filled:
            self._beliefs.remember(obs, action)

    def paid(self, rewards: FloatArray, dones: Array) -> None:
        """What that step paid, in the environments' own units, and which episodes it ended; shape (n_envs,)."""
        self._reuse.paid(rewards, dones)

    def _judge(self) -> None:
        """Believe it, or let it go: by what the episodes that it led were paid, and by the time."""
        options, on_trial = self.options, not self.believed
        share = self._model.num_timesteps / (self._model._total_timesteps or 1)
        if self.let_go or self._filled or options.mode == "persistent":
            return
        if share >= options.until and (options.mode == "anneal" or not self.believed):
            self.let_go = True
        elif options.prove and (on_trial or options.follow):
            late = share >= options.prove and self._reuse.seen_enough
            if on_trial and self._reuse.pays:
                self.believed, self._since = True, self._model.num_timesteps
            self.let_go = self._reuse.costs or (late and not self.believed)
        if on_trial and (self.believed or self.let_go):
            own, led = (float(np.mean(returns)) if returns else 0.0 for returns in self._reuse.returns)
            self.outcome = PriorOutcome(believed=self.believed, steps=self._model.num_timesteps, led=led, own=own)

    @property
    def weight(self) -> float:
        """Of a step towards the prior, now."""
        if self.options.mode == "prefill" or not self.believed:
            return 0.0
        return self.options.weight * (1.0 if self.options.mode == "persistent" else self._time_left())

    def _time_left(self) -> float:
        """Of the time in which the prior has a say, from 1 to exactly 0."""
        end = self.options.until * (self._model._total_timesteps or 1)
        left = (end - self._model.num_timesteps) / (end - self._since or 1.0)
        return 0.0 if self.let_go else max(0.0, left)

    def before_updates(self, batch_size: int) -> None:
        """Prefill, once it is believed."""
        if self.options.mode != "prefill" or self._filled or not self.believed or not self._beliefs.size:
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
        self._judge()
        weight, owed = self.weight, (self._updates + count) // self.options.every - self._updates // self.options.every
        self._updates += count
        if self.let_go:
            self._optimiser = None  # with all that it remembers
        if weight == 0.0:
            return
        assert self._optimiser is not None
        for group in self._optimiser.param_groups:
            group["lr"] = weight * _rate(self._model)
        for _ in range(owed):
            self._step(self._optimiser, batch_size)

    def _step(self, optimiser: torch.optim.Optimizer, batch_size: int) -> None:
        batch = self._beliefs.batch(batch_size, self._rng)
        _descend(optimiser, belief_loss(self._model, batch, self.options.part or "q"))

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
        part: ``states`` compares means over actions; of ``actions`` see :func:`order_loss`.
    """
    known = ~torch.isnan(batch.values)
    wanted = torch.where(known, batch.values, torch.zeros_like(batch.values))
    losses = []
    for found in _critic_values(model, batch):
        if part == "actions":
            losses.append(order_loss(found, batch.values, share=_ORDER_SHARE * (1 - model.gamma)))
            continue
        difference = torch.where(known, found - wanted, torch.zeros_like(found))
        if part == "states":
            losses.append(((difference.sum(dim=1) / known.sum(dim=1)) ** 2).mean())
        else:
            losses.append((difference**2).mean())
    return torch.stack(losses).sum()


def order_loss(found: torch.Tensor, wanted: torch.Tensor, share: float) -> torch.Tensor:
    """Squared hinge over pairs of actions: the one that is believed better shall be better by a small margin.

    A margin, never the believed distance: a critic that is held to a distance d between actions counts d anew at every
    backup, and its values grow by up to d gamma / (1 - gamma). Margins of 0.2 (1 - gamma) of the values make them grow
    by a part of themselves, the larger the more actions are ordered: in the tests, where all are equally good, 1.1
    times with two and 1.6 times with five. (Large margins: Hester et al. 2018, arXiv 1704.03732.)

    Args:
        found: what the critic says, shape (n, m).
        wanted: what is believed, same shape, NaN where nothing is.
        share: of the mean absolute value in ``found``; the margin is this, or the believed distance if that is less.
    """
    gaps = (wanted[:, :, None] - wanted[:, None, :]).nan_to_num(0.0).clamp(min=0.0)
    margin = gaps.clamp(max=share * float(found.detach().abs().mean()))
    short = (margin - (found[:, :, None] - found[:, None, :])).clamp(min=0.0)
    return torch.where(gaps > 0, short**2, 0.0).sum(dim=(1, 2)).mean()


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
                normalising = self._vec_normalize_env
                self.q_shaper.paid(rest[1] if normalising is None else normalising.get_original_reward(), rest[2])
            super()._store_transition(replay_buffer, buffer_action, *rest)

        def _sample_action(self, *arguments: Any, **settings: Any) -> tuple[Array, Array]:
            action, stored = super()._sample_action(*arguments, **settings)
            if self.q_shaper is not None:
                seen = self._last_obs if self._vec_normalize_env is None else self._last_original_obs
                stored = self.q_shaper.acting(seen, stored)
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
