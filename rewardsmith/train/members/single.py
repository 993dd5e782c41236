"""A network with one linear layer of outputs: an actor, or the Q of choices."""

from __future__ import annotations

from typing import NamedTuple

from rewardsmith.train.members.networks import Head, Perceptron, head_shapes, layer_shapes
from rewardsmith.train.members.parameters import Parameters
from rewardsmith.types import Array


class Form(NamedTuple):
    """The form of a network.

    Attributes:
        inputs: width of what it reads.
        hidden: widths of its hidden layers, at least one.
        outputs: width of what it gives.
        activation: a key of :data:`rewardsmith.train.members.networks.ACTIVATIONS`.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str


def network_parameters(members: int, form: Form) -> Parameters:
    """Parameters of the network of G members."""
    shapes = layer_shapes("body", 1, (form.inputs, *form.hidden))
    shapes |= head_shapes("output", form.hidden[-1], form.outputs)
    return Parameters(members, shapes)


class Network:
    """A network of G members.

    Args:
        parameters: made by :func:`network_parameters`.
    """

    def __init__(self, parameters: Parameters, form: Form) -> None:
        self._body = Perceptron(parameters, "body", len(form.hidden), form.activation)
        self._head = Head(parameters, "output")
        self._hidden: Array | None = None

    def act(self, observations: Array) -> Array:
        """Outputs, shape (G, outputs, B); nothing is kept.

        Args:
            observations: shape (G, B, inputs).
        """
        return self._head.forward(self._body.act(observations))

    def forward(self, observations: Array) -> Array:
        """The same, keeping what :meth:`backward` needs."""
        self._hidden = self._body.forward(observations)[:, 0]
        return self._head.forward(self._hidden)

    def backward(self, gradient: Array) -> None:
        """Write the gradients of the parameters.

        Args:
            gradient: of a loss with respect to the outputs, shape (G, outputs, B).
        """
        assert self._hidden is not None, "forward() comes first"
        self._head.backward(gradient, self._hidden, out=self._body.output_gradient[:, 0])
        self._body.backward()
