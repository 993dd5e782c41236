"""The networks of PPO: a policy and a value function, without shared layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from rewardsmith.train.members.actions import Distribution, Gaussian, choices
from rewardsmith.train.members.networks import ALL, Head, Perceptron, head_shapes, layer_shapes
from rewardsmith.train.members.parameters import Parameters
from rewardsmith.types import Array


class Architecture(NamedTuple):
    """The form of the networks of PPO.

    Attributes:
        inputs: width of the observations.
        policy, value: widths of the hidden layers, at least one each.
        activation: a key of :data:`rewardsmith.train.members.networks.ACTIVATIONS`.
        actions: the space of actions.
    """

    inputs: int
    policy: tuple[int, ...]
    value: tuple[int, ...]
    activation: str
    actions: spaces.Space[Any]


class Outputs(NamedTuple):
    """Outputs of the networks for B observations.

    Attributes:
        policy: shape (G, outputs, B).
        value: shape (G, B).
    """

    policy: Array
    value: Array


class ActorCritic:
    """Policy and value networks of G members.

    Two bodies of the same shape are one stack, which halves the number of calls.

    Attributes:
        parameters: of all members.
        distribution: of actions.
        joint: whether the two bodies are one stack.
    """

    def __init__(self, members: int, architecture: Architecture) -> None:
        self.joint = architecture.policy == architecture.value
        self.parameters = Parameters(members, parameter_shapes(architecture))
        activation, depth = architecture.activation, len(architecture.policy)
        if self.joint:
            self._bodies = [Perceptron(self.parameters, "body", depth, activation)]
        else:
            depths = {"policy": depth, "value": len(architecture.value)}
            self._bodies = [
                Perceptron(self.parameters, name, deep, activation) for name, deep in depths.items()
            ]
        self._policy_head = Head(self.parameters, "action")
        self._value_head = Head(self.parameters, "estimate")
        self.distribution: Distribution = choices(architecture.actions) or Gaussian(
            self.parameters["log_std"], self.parameters.gradient("log_std")
        )
        self._hidden: tuple[Array, Array] | None = None

    def policy(self, observations: Array) -> Array:
        """Outputs of the policies, shape (G, outputs, B).

        Args:
            observations: shape (G, B, inputs).
        """
        return self._policy_head.forward(self._bodies[0].act(observations))

    def value(self, observations: Array, members: slice = ALL) -> Array:
        """Estimates of the value functions of some members, shape (G, B)."""
        hidden = self._bodies[-1].act(observations, 1 if self.joint else 0, members)
        return self._value_head.forward(hidden, members)[:, 0]

    def forward(self, observations: Array) -> Outputs:
        """Both, keeping what :meth:`backward` needs."""
        hidden = [body.forward(observations) for body in self._bodies]
        policy, value = hidden[0][:, 0], hidden[-1][:, -1]
        self._hidden = policy, value
        estimates = self._value_head.forward(value)[:, 0]
        return Outputs(self._policy_head.forward(policy), estimates)

    def backward(self, gradient: Outputs) -> None:
        """Write the gradients of all parameters but those of the distribution."""
        assert self._hidden is not None, "forward() comes first"
        policy, value = self._hidden
        outer = [body.output_gradient for body in self._bodies]
        self._policy_head.backward(gradient.policy, policy, out=outer[0][:, 0])
        self._value_head.backward(gradient.value[:, None], value, out=outer[-1][:, -1])
        for body in self._bodies:
            body.backward()


def parameter_shapes(architecture: Architecture) -> Mapping[str, tuple[int, ...]]:
    """Shapes of the parameters of one member by name."""
    distribution = choices(architecture.actions)
    inputs, hidden = (architecture.inputs,), (architecture.policy, architecture.value)
    if architecture.policy == architecture.value:
        shapes = layer_shapes("body", 2, inputs + architecture.policy)
    else:
        shapes = layer_shapes("policy", 1, inputs + architecture.policy)
        shapes |= layer_shapes("value", 1, inputs + architecture.value)
    numbers = int(np.prod(architecture.actions.shape or (1,)))
    outputs = numbers if distribution is None else distribution.outputs
    shapes |= head_shapes("action", hidden[0][-1], outputs)
    shapes |= head_shapes("estimate", hidden[1][-1], 1)
    return shapes if distribution is not None else shapes | {"log_std": (outputs,)}
