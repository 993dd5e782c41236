"""SAC, TD3, DDPG and DQN for several models of Stable-Baselines3 at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.errors import ProgramError
from rewardsmith.train.members.environments import Environments
from rewardsmith.train.members.exploring import stored_actions
from rewardsmith.train.members.member_networks import MemberNetworks
from rewardsmith.train.members.off_policy_settings import algorithm_of, settings_of
from rewardsmith.train.members.off_policy_weights import read_weights, write_weights
from rewardsmith.train.members.replay import MemberMemory, Replay
from rewardsmith.types import Array, FloatArray, TrainingState


class Shaper(Protocol):
    """What has a part in the acting and in the learning of one member.

    Its random numbers are its own, and it changes nothing of the other members.
    """

    def acting(self, stored: Array) -> Array:
        """The actions to take in place of those that the member chose, shape (n, numbers).

        Raises:
            ProgramError: its program broke.
        """

    def stepped(self, stored: Array, rewards: FloatArray, dones: Array) -> None:
        """A vector step is about to be stored; ``dones`` are also ends by a time limit.

        Raises:
            ProgramError: its program broke.
        """

    def before_updates(self, batch_size: int) -> None:
        """Updates follow."""

    def after_updates(self, count: int, batch_size: int) -> None:
        """So many updates were taken."""

    def moved(self, networks: MemberNetworks) -> None:
        """The networks of the member are at another place in memory from now on."""


class OffPolicyMembers:
    """Trains models that have the same settings; each keeps its own environments and memory.

    A member's weights do not depend on the others. Random numbers are not those of
    Stable-Baselines3, so that its trainings are the same in distribution only; given the same batch
    and the same noise, updates are equal up to rounding.

    Args:
        models: made by Stable-Baselines3, with their environments; their weights are the first.
        seeds: of each member's actions and batches.
        length: steps of the training, for schedules.

    Attributes:
        steps: environment steps that each member has taken.
        length: of the training.
        environments: of each member.
        train_freq: vector steps from one update to the next.

    Raises:
        NotHere: a model has parts or settings that only Stable-Baselines3 itself can train.

    Example:
        models = [SAC("MlpPolicy", venv, seed=seed) for seed in range(4)]
        members = OffPolicyMembers(models, seeds=range(4), length=10_000)
        members.begin()
        while members.steps < 10_000:
            for _ in range(members.train_freq):
                members.step()
            members.update()
    """

    def __init__(
        self, models: Sequence[OffPolicyAlgorithm], seeds: Sequence[int], length: int
    ) -> None:
        first = models[0]
        self.models, self.length, self.steps = list(models), length, 0
        self._shapers: list[Shaper | None] = [None] * len(models)
        self._settings = settings = settings_of(first)
        self._make, self.train_freq = algorithm_of(first), settings.train_freq
        self._algorithm = self._make(len(models))
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._n = first.n_envs
        self._actions = stored_actions(first.action_space, settings.noise)
        self.environments: list[Environments] = []
        for member, model in enumerate(models):
            read_weights(model, self._algorithm, member)
            assert model.env is not None, "a model that learns has environments"
            normalising = model.get_vec_normalize_env()
            self.environments.append(Environments(model.env, normalising, settings.handle_timeouts))
        inputs = self.environments[0].seen.shape[1]
        self._replay = Replay(
            len(models), settings.buffer_size, self._n, inputs, self._actions.numbers
        )

    def begin(self) -> None:
        """Reset all environments."""
        for environments in self.environments:
            environments.begin()

    def step(self) -> Mapping[int, ProgramError]:
        """Take a vector step of each member.

        Returns:
            The errors of members whose program broke; they must be dropped before the next step.
        """
        actions = self._chosen()
        broken: dict[int, ProgramError] = {}
        for phase in (self._begin_step, self._finish_step):
            for member in range(len(self.models)):
                try:
                    if member not in broken:
                        phase(member, actions[member])
                except ProgramError as error:
                    broken[member] = error
        self._replay.advance()
        self.steps += self._n
        self._algorithm.stepped(self._remaining)
        return broken

    def update(self) -> Mapping[str, Array] | None:
        """Train on batches from the memories, once enough steps were taken.

        Returns:
            Losses and the like of the latest batch by the names of Stable-Baselines3, shape (G,)
            each; None if there was none.
        """
        settings = self._settings
        count = settings.gradient_steps
        if count < 0:
            count = settings.train_freq * self._n
        if self.steps <= settings.learning_starts or not count:
            return None
        for shaper in self._shaping:
            shaper.before_updates(settings.batch_size)
        rate, losses = self.rate, None
        for place in range(count):
            batch = self._replay.sample(self._generators, settings.batch_size)
            for member, environments in enumerate(self.environments):
                environments.normalise(batch.of(member))
            noise = [self._algorithm.noise(rng, settings.batch_size) for rng in self._generators]
            losses = self._algorithm.update(batch, np.stack(noise), rate, place)
        for shaper in self._shaping:
            shaper.after_updates(count, settings.batch_size)
        return losses

    def keep(self, members: Sequence[int]) -> None:
        """Go on with some of the members only."""
        algorithm = self._make(len(members))
        algorithm.take(self._algorithm, members)
        self._algorithm = algorithm
        self.models = [self.models[member] for member in members]
        self._generators = [self._generators[member] for member in members]
        self.environments = [self.environments[member] for member in members]
        self._replay.keep(members)
        self._shapers = [self._shapers[member] for member in members]
        for member, shaper in enumerate(self._shapers):
            if shaper is not None:
                shaper.moved(algorithm.of_member(member))

    def state(self, member: int) -> TrainingState:
        """What a member without a shaper goes on from after an update, but for its environments."""
        return TrainingState.joined(
            algorithm=self._algorithm.state(member),
            generator=TrainingState({}, self._generators[member].bit_generator.state),
            memory=self._replay.state(member),
            environments=self.environments[member].state(),
            taken=TrainingState({}, {"steps": self.steps}),
        )

    def restore(self, member: int, state: TrainingState, *, fresh: bool) -> None:
        """Go on from there; all members have taken as many steps.

        Args:
            fresh: reset the member's environments, which are not where they were.
        """
        self._algorithm.restore(member, state.part("algorithm"))
        self._generators[member].bit_generator.state = state.facts["generator"]
        self._replay.restore(member, state.part("memory"))
        self.steps = state.facts["taken"]["steps"]
        if fresh:
            self.environments[member].begin()
        else:
            self.environments[member].restore(state.part("environments"))

    def set_shaper(self, member: int, shaper: Shaper | None) -> None:
        """Give a member a shaper, which has a part in all later steps and updates."""
        self._shapers[member] = shaper

    def networks_of(self, member: int) -> MemberNetworks:
        """The networks of a member; valid until the next call of :meth:`keep`."""
        return self._algorithm.of_member(member)

    def memory_of(self, member: int) -> MemberMemory:
        """The memory of a member."""
        return self._replay.of_member(member)

    @property
    def rate(self) -> float:
        """The learning rate, now."""
        return float(self._settings.learning_rate(self._remaining))

    @property
    def finite(self) -> Array:
        """Whether all weights of a member are finite, shape (G,)."""
        found = [np.isfinite(one.values).all(axis=1) for one in self._algorithm.parameters.values()]
        return np.asarray(np.logical_and.reduce(found))

    def write(self, member: int) -> None:
        """Copy a member's weights into its model."""
        write_weights(self._algorithm, member, self.models[member])

    @property
    def _remaining(self) -> float:
        return 1 - self.steps / self.length

    def _chosen(self) -> Array:
        """Actions as they are stored, shape (G, n, numbers)."""
        if self.steps < self._settings.learning_starts:
            chosen = [self._actions.random(rng, self._n) for rng in self._generators]
        else:
            seen = np.stack([environments.seen for environments in self.environments])
            chosen = list(self._algorithm.act(seen, self._generators))
        drawn = zip(self._generators, chosen, strict=True)
        return np.stack([self._actions.disturbed(rng, one) for rng, one in drawn])

    def _begin_step(self, member: int, actions: Array) -> None:
        """Send actions to a member's environments, in place those of its shaper."""
        shaper = self._shapers[member]
        if shaper is not None:
            actions[...] = shaper.acting(actions)
        self.environments[member].venv.step_async(self._actions.taken(actions))

    def _finish_step(self, member: int, actions: Array) -> None:
        """Store what the environments of a member gave."""
        environments, shaper = self.environments[member], self._shapers[member]
        before = environments.original
        stepped = environments.finish_step()
        if shaper is not None:
            shaper.stepped(actions, stepped.rewards, environments.over)
        self._replay.add(member, before, actions, *stepped)

    @property
    def _shaping(self) -> list[Shaper]:
        """The shapers that there are."""
        return [shaper for shaper in self._shapers if shaper is not None]
