"""DQN for several members (Mnih et al. 2015), as Stable-Baselines3 has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.train.members.adam import Adam, clip_gradients
from rewardsmith.train.members.member_networks import ChoiceNetworks
from rewardsmith.train.members.off_policy import MakeOptimiser, OffPolicy
from rewardsmith.train.members.parameters import Parameters, Target
from rewardsmith.train.members.replay import Batch
from rewardsmith.train.members.single import Form, Network, network_parameters
from rewardsmith.types import Array, TrainingState


class DqnSettings(NamedTuple):
    """Hyper-parameters by the names of Stable-Baselines3.

    Attributes:
        exploration: the share of random vector steps, by the share of the training that is left.
        target_update_steps: vector steps from one update of the target to the next.
    """

    gamma: float
    tau: float
    max_grad_norm: float
    exploration: Callable[[float], float]
    target_update_steps: int


class Dqn(OffPolicy):
    """DQN.

    Args:
        network: the form of the Q of all actions.
        optimiser: makes that of the network.
    """

    def __init__(
        self,
        members: int,
        network: Form,
        settings: DqnSettings,
        optimiser: MakeOptimiser = Adam,
    ) -> None:
        self._settings, self._form, self._choices = settings, network, network.outputs
        of_q, of_target = (network_parameters(members, network) for _ in range(2))
        self._q, self._q_target = Network(of_q, network), Network(of_target, network)
        self._target = Target(of_q, of_target, settings.tau)
        networks = {"q_net": of_q, "q_net_target": of_target}
        super().__init__(networks, {"q_net": optimiser(of_q)})
        self._chance = 0.0  # as there, until the first step

    def act(self, observations: Array, generators: Sequence[np.random.Generator]) -> Array:
        """The best ones; now and then random ones in all environments of a member."""
        actions = self._q.act(observations).argmax(axis=1)
        for member, rng in enumerate(generators):
            if rng.random() < self._chance:
                actions[member] = rng.integers(0, self._choices, actions.shape[1])
        return np.asarray(actions[..., None])

    def noise(self, rng: np.random.Generator, batch_size: int) -> Array:
        """None."""
        return np.empty(0, np.float32)

    def update(self, batch: Batch, noise: Array, rate: float, place: int) -> Mapping[str, Array]:
        """Of the Q, towards that of the target."""
        settings = self._settings
        values = self._q_target.act(batch.next_observations).max(axis=1)
        goal = batch.rewards + (1 - batch.dones) * np.float32(settings.gamma) * values
        outputs = self._q.forward(batch.observations)
        chosen = np.arange(self._choices)[:, None] == batch.actions[:, None, :, 0]
        error = np.sum(outputs * chosen, axis=1) - goal
        bounded = np.clip(error, -1, 1)  # the slope of the Huber loss
        gradient = chosen * (bounded / np.float32(error.shape[1]))[:, None]
        self._q.backward(gradient)
        clip_gradients(self.parameters["q_net"].gradients, settings.max_grad_norm)
        self.optimisers["q_net"].step(np.full(len(error), rate))
        self.updates += 1
        return {"loss": (bounded * (error - np.float32(0.5) * bounded)).mean(axis=1)}

    def stepped(self, remaining: float) -> None:
        """Update the target where that is due, and the share of random actions."""
        super().stepped(remaining)
        if self.vector_steps % self._settings.target_update_steps == 0:
            self._target.follow()
        self._chance = self._settings.exploration(remaining)

    def take(self, other: OffPolicy, members: Sequence[int]) -> None:
        """Go on from the state of some members of another one."""
        super().take(other, members)
        assert isinstance(other, Dqn)
        self._chance = other._chance

    def state(self, member: int) -> TrainingState:
        """What a member goes on from."""
        chance = TrainingState({}, {"chance": self._chance})
        return TrainingState.joined(all=super().state(member), exploration=chance)

    def restore(self, member: int, state: TrainingState) -> None:
        """Go on from there."""
        super().restore(member, state.part("all"))
        self._chance = state.facts["exploration"]["chance"]

    def networks(self, parameters: Mapping[str, Parameters]) -> ChoiceNetworks:
        """Networks on such parameters of one member."""
        return ChoiceNetworks(parameters, self._form)
