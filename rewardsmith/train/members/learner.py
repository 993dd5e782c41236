"""PPO for several models of Stable-Baselines3 at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from stable_baselines3 import PPO
from torch.optim import Adam as TorchAdam
from torch.optim import Optimizer

from rewardsmith.train.members.actor_critic import ActorCritic
from rewardsmith.train.members.adam import Adam
from rewardsmith.train.members.parameters import Parameters
from rewardsmith.train.members.ppo import Losses, PpoSettings, PpoUpdate
from rewardsmith.train.members.rollouts import Rollouts
from rewardsmith.train.members.weights import (
    NotHere,
    architecture_of,
    check_actions,
    read_weights,
    write_weights,
)
from rewardsmith.types import Array, TrainingState


class PpoMembers:
    """Trains models that have the same settings; each keeps its own environments.

    A member's weights do not depend on the others. Random numbers are not those of
    Stable-Baselines3, so that its trainings are the same in distribution only; given the same
    rollouts and the same order of samples, updates are equal up to rounding.

    Args:
        models: made by Stable-Baselines3, with their environments; their weights are the first.
        seeds: of each member's actions and minibatches.

    Attributes:
        rollouts: the latest ones.

    Raises:
        NotHere: a model has parts or settings that only Stable-Baselines3 itself can train.

    Example:
        members = PpoMembers([PPO("MlpPolicy", venv, seed=seed) for seed in range(4)], range(4))
        while steps < 100_000:
            members.collect()
            members.update(remaining=1 - steps / 100_000)
    """

    def __init__(self, models: Sequence[PPO], seeds: Sequence[int]) -> None:
        for model in models:
            check_actions(model)
        self.models = list(models)
        self._architecture = architecture_of(models[0])
        self._settings = settings_of(models[0])
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._make(len(models))
        for member, model in enumerate(models):
            read_weights(model.policy.state_dict(), self._networks, member)

    def _make(self, members: int) -> None:
        self._networks = ActorCritic(members, self._architecture)
        self._optimiser = optimiser_of(self.models[0].policy.optimizer, self._networks.parameters)
        self._update = PpoUpdate(self._networks, self._optimiser, self._settings)
        venvs = [model.env for model in self.models if model.env is not None]
        self.rollouts = Rollouts(self._networks, venvs, self._generators, self._settings.n_steps)

    def begin(self) -> None:
        """Reset all environments."""
        self.rollouts.begin()

    def collect(self, stepped: Callable[[], None] = lambda: None) -> None:
        """Take ``n_steps`` steps in all environments.

        Args:
            stepped: called after each vector step.
        """
        self.rollouts.collect(stepped)

    def update(self, remaining: float) -> Losses:
        """Train on the latest rollouts.

        Args:
            remaining: share of the training that is left, for schedules.
        """
        settings = self._settings
        with np.errstate(over="ignore", invalid="ignore"):  # see :attr:`finite`
            samples = self.rollouts.samples(settings.gamma, settings.gae_lambda)
            size = samples.advantages.shape[1]
            rows = np.tile(np.arange(size), (settings.n_epochs, 1))
            orders = np.stack([rng.permuted(rows, axis=1) for rng in self._generators], axis=1)
            return self._update(samples, orders, remaining)

    def keep(self, members: Sequence[int]) -> None:
        """Go on with some of the members only, and with the rollouts that they have collected."""
        networks, optimiser, rollouts = self._networks, self._optimiser, self.rollouts
        self.models = [self.models[member] for member in members]
        self._generators = [self._generators[member] for member in members]
        self._make(len(members))
        self._networks.parameters.values[...] = networks.parameters.values[members]
        self._optimiser.take(optimiser, members)
        self.rollouts.take(rollouts, members)

    def state(self, member: int) -> TrainingState:
        """What a member goes on from after an update, but for its environments."""
        return TrainingState.joined(
            networks=self._networks.parameters.state(member),
            optimiser=self._optimiser.state(member),
            generator=TrainingState({}, self._generators[member].bit_generator.state),
            seen=TrainingState({"observations": self.rollouts.seen(member)}, {}),
        )

    def restore(self, member: int, state: TrainingState, *, fresh: bool) -> None:
        """Go on from there.

        Args:
            fresh: reset the member's environments, which are not where they were.
        """
        self._networks.parameters.restore(member, state.part("networks"))
        self._optimiser.restore(member, state.part("optimiser"))
        self._generators[member].bit_generator.state = state.facts["generator"]
        if fresh:
            self.rollouts.begin_member(member)
        else:
            self.rollouts.seen(member)[...] = state.arrays["seen/observations"]

    @property
    def finite(self) -> Array:
        """Whether all weights of a member are finite, shape (G,)."""
        return np.asarray(np.isfinite(self._networks.parameters.values).all(axis=1))

    def write(self, member: int) -> None:
        """Copy a member's weights into its model."""
        write_weights(self._networks, member, self.models[member].policy)


def settings_of(model: PPO) -> PpoSettings:
    """The hyper-parameters of a model."""
    return PpoSettings(
        n_steps=model.n_steps,
        batch_size=model.batch_size,
        n_epochs=model.n_epochs,
        gamma=model.gamma,
        gae_lambda=model.gae_lambda,
        learning_rate=model.lr_schedule,
        clip_range=model.clip_range,  # type: ignore[arg-type]  # a schedule once it is set up
        clip_range_vf=model.clip_range_vf,  # type: ignore[arg-type]
        normalize_advantage=model.normalize_advantage,
        ent_coef=model.ent_coef,
        vf_coef=model.vf_coef,
        max_grad_norm=model.max_grad_norm,
        target_kl=model.target_kl,
    )


def optimiser_of(theirs: Optimizer, parameters: Parameters) -> Adam:
    """The same optimiser for members.

    Raises:
        NotHere: it is not Adam, or has options that members do not know.
    """
    group, known = theirs.param_groups[0], {"params", "lr", "betas", "eps"}
    changed = {name for name in set(group) - known if group[name] != theirs.defaults[name]}
    others = {name for name in set(theirs.defaults) - known if theirs.defaults[name]}
    if type(theirs) is not TorchAdam or changed or others:
        raise NotHere("its optimiser is not plain Adam")
    return Adam(parameters, eps=theirs.defaults["eps"], betas=theirs.defaults["betas"])
