"""The networks of one member, to be taught beside the updates of all members.

They are views: what is learned here, the updates of the algorithm go on from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from rewardsmith.train.members.critics import CriticForm, Critics
from rewardsmith.train.members.parameters import Parameters
from rewardsmith.train.members.single import Form, Network
from rewardsmith.types import Array


class MemberNetworks(ABC):
    """A critic, an actor if there is one, and their targets.

    Args:
        parameters: of one member, by the names of :class:`OffPolicy`.

    Attributes:
        critic, actor: their parameters; None for no actor.
    """

    critic: Parameters
    actor: Parameters | None = None

    def __init__(self, parameters: Mapping[str, Parameters]) -> None:
        self._parameters = parameters

    @abstractmethod
    def values(self, observations: Array, actions: Array | None) -> Array:
        """The values of m actions by N critics, shape (N, n, m), keeping what backward() needs.

        Args:
            observations: shape (n, inputs).
            actions: as they are stored, shape (n, m, numbers); None for all choices.
        """

    @abstractmethod
    def backward(self, gradient: Array) -> None:
        """Write the gradients of the critic, given that of a loss of the values."""

    def means(self, observations: Array) -> Array:
        """The likeliest actions of the actor, shape (n, numbers), keeping what is needed.

        Raises:
            NotImplementedError: there is no actor.
        """
        raise NotImplementedError

    def means_backward(self, gradient: Array) -> None:
        """Write the gradients of the actor, given that of a loss of the means."""
        raise NotImplementedError

    def copy_to_targets(self) -> None:
        """Make each target equal to what it follows."""
        for name, parameters in self._parameters.items():
            target = self._parameters.get(f"{name}_target")
            if target is not None:
                target.values[...] = parameters.values


class ChoiceNetworks(MemberNetworks):
    """The Q of all choices, of DQN."""

    def __init__(self, parameters: Mapping[str, Parameters], form: Form) -> None:
        super().__init__(parameters)
        self.critic = parameters["q_net"]
        self._q = Network(self.critic, form)

    def values(self, observations: Array, actions: Array | None) -> Array:
        """The values of all choices, shape (1, n, choices)."""
        return self._q.forward(observations[None]).swapaxes(1, 2)

    def backward(self, gradient: Array) -> None:
        """Write the gradients of the Q."""
        self._q.backward(gradient.swapaxes(1, 2))


class PairNetworks(MemberNetworks):
    """The critics of pairs and an actor squashed by tanh, of SAC, TD3 and DDPG."""

    def __init__(
        self, parameters: Mapping[str, Parameters], actor: Form, critic: CriticForm
    ) -> None:
        super().__init__(parameters)
        self.critic, self.actor = parameters["critic"], parameters["actor"]
        self._critics, self._form = Critics(self.critic, critic), critic
        self._actor = Network(self.actor, actor)
        self._outputs = actor.outputs
        self._means: Array | None = None

    def values(self, observations: Array, actions: Array | None) -> Array:
        """The values of actions by all critics, shape (N, n, m)."""
        assert actions is not None, "there are no choices"
        n, m, _ = actions.shape
        inputs = self._form.observations
        pairs = np.empty((n, m, inputs + self._form.actions), np.float32)
        pairs[..., :inputs], pairs[..., inputs:] = observations[:, None], actions
        return self._critics.forward(pairs.reshape(1, n * m, -1)).reshape(-1, n, m)

    def backward(self, gradient: Array) -> None:
        """Write the gradients of the critics."""
        self._critics.backward(gradient.reshape(1, len(gradient), -1))

    def means(self, observations: Array) -> Array:
        """The likeliest actions, shape (n, numbers)."""
        outputs = self._actor.forward(observations[None])[0]
        self._means = np.tanh(outputs[: self._form.actions])
        return self._means.T

    def means_backward(self, gradient: Array) -> None:
        """Write the gradients of the actor."""
        means = self._means
        assert means is not None, "means() comes first"
        # SAC's deviations, which the mean does not depend on, are the outputs behind
        of_outputs = np.zeros((1, self._outputs, means.shape[1]), np.float32)
        of_outputs[0, : len(means)] = gradient.T * (1 - means * means)
        self._actor.backward(of_outputs)
