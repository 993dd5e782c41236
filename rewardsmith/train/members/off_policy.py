"""What the off-policy algorithms share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rewardsmith.train.members.adam import Adam
from rewardsmith.train.members.member_networks import MemberNetworks
from rewardsmith.train.members.parameters import Parameters
from rewardsmith.train.members.replay import Batch
from rewardsmith.types import Array, TrainingState

MakeOptimiser = Callable[[Parameters], Adam]


class OffPolicy(ABC):
    """An algorithm for G members.

    Attributes:
        parameters: by the name that a policy of Stable-Baselines3 gives the network; targets too.
        optimisers: those that step them.
        updates, vector_steps: taken so far.
    """

    def __init__(
        self, parameters: Mapping[str, Parameters], optimisers: Mapping[str, Adam]
    ) -> None:
        self.parameters, self.optimisers = parameters, optimisers
        self.updates, self.vector_steps = 0, 0

    @abstractmethod
    def act(self, observations: Array, generators: Sequence[np.random.Generator]) -> Array:
        """Actions as they are stored, shape (G, n, numbers), without the noise of exploration.

        Args:
            observations: shape (G, n, inputs).
        """

    @abstractmethod
    def noise(self, rng: np.random.Generator, batch_size: int) -> Array:
        """The random numbers of one update of one member."""

    @abstractmethod
    def update(self, batch: Batch, noise: Array, rate: float, place: int) -> Mapping[str, Array]:
        """Take one step of gradient descent.

        Args:
            noise: as :meth:`noise` gives it, of all members.
            rate: the learning rate.
            place: of the update among those that follow each other without a step between.

        Returns:
            Losses and the like by the names of Stable-Baselines3, shape (G,) each.
        """

    def stepped(self, remaining: float) -> None:
        """A vector step was taken; ``remaining`` is the share of the training that is left."""
        self.vector_steps += 1

    def take(self, other: OffPolicy, members: Sequence[int]) -> None:
        """Go on from the state of some members of another one."""
        for name, parameters in self.parameters.items():
            parameters.take(other.parameters[name], members)
        for name, optimiser in self.optimisers.items():
            optimiser.take(other.optimisers[name], members)
        self.updates, self.vector_steps = other.updates, other.vector_steps

    def state(self, member: int) -> TrainingState:
        """What a member goes on from."""
        counts = {"updates": self.updates, "vector_steps": self.vector_steps}
        networks = {name: one.state(member) for name, one in self.parameters.items()}
        optimisers = {name: one.state(member) for name, one in self.optimisers.items()}
        return TrainingState.joined(
            networks=TrainingState.joined(**networks),
            optimisers=TrainingState.joined(**optimisers),
            counts=TrainingState({}, counts),
        )

    def restore(self, member: int, state: TrainingState) -> None:
        """Go on from there; all members have taken as many steps."""
        networks, optimisers = state.part("networks"), state.part("optimisers")
        for name, one in self.parameters.items():
            one.restore(member, networks.part(name))
        for name, optimiser in self.optimisers.items():
            optimiser.restore(member, optimisers.part(name))
        counts = state.facts["counts"]
        self.updates, self.vector_steps = counts["updates"], counts["vector_steps"]

    def of_member(self, member: int) -> MemberNetworks:
        """The networks of one member, to be taught from elsewhere."""
        return self.networks(
            {name: parameters.of_member(member) for name, parameters in self.parameters.items()}
        )

    @abstractmethod
    def networks(self, parameters: Mapping[str, Parameters]) -> MemberNetworks:
        """Networks on such parameters of one member."""
