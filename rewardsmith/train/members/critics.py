"""Critics: networks that estimate the value of an observation with an action."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.train.members.networks import ALL, Perceptron, layer_shapes
from rewardsmith.train.members.parameters import Parameters
from rewardsmith.types import Array


class CriticForm(NamedTuple):
    """The form of the critics of one member.

    Attributes:
        observations, actions: widths of the two parts that they read.
        hidden: widths of the hidden layers of each, at least one.
        activation: a key of :data:`rewardsmith.train.members.networks.ACTIVATIONS`.
        networks: number of critics, N.
    """

    observations: int
    actions: int
    hidden: tuple[int, ...]
    activation: str
    networks: int


def critic_parameters(members: int, form: CriticForm) -> Parameters:
    """Parameters of the critics of G members."""
    inputs, last = form.observations + form.actions, form.hidden[-1]
    shapes = layer_shapes("body", form.networks, (inputs, *form.hidden))
    shapes |= {"value.weight": (form.networks, last, 1), "value.bias": (form.networks, 1)}
    return Parameters(members, shapes)


class Critics:
    """N critics of each of G members, which read the same pairs of observation and action.

    Args:
        parameters: made by :func:`critic_parameters`.
        networks: those that are used; by default all.
    """

    def __init__(self, parameters: Parameters, form: CriticForm, networks: slice = ALL) -> None:
        depth = len(form.hidden)
        self._body = Perceptron(parameters, "body", depth, form.activation, networks)
        self._weight = parameters["value.weight"][:, networks]
        self._bias = parameters["value.bias"][:, networks]
        self._weight_gradient = parameters.gradient("value.weight")[:, networks]
        self._bias_gradient = parameters.gradient("value.bias")[:, networks]
        self._actions = slice(form.observations, form.observations + form.actions)
        self._hidden: Array | None = None

    def forward(self, pairs: Array) -> Array:
        """Values, shape (G, N, B); what the gradients need is kept.

        Args:
            pairs: observations with actions behind them, shape (G, B, width).
        """
        self._hidden = self._body.forward(pairs)
        values: Array = (self._hidden @ self._weight)[..., 0]
        values += self._bias
        return values

    def backward(self, gradient: Array) -> None:
        """Write the gradients of the parameters.

        Args:
            gradient: of a loss with respect to the values, shape (G, N, B).
        """
        assert self._hidden is not None, "forward() comes first"
        column = gradient[..., None]
        np.matmul(self._hidden.swapaxes(-1, -2), column, out=self._weight_gradient)
        np.sum(gradient, axis=2, keepdims=True, out=self._bias_gradient)
        self._to_body(column)
        self._body.backward()

    def action_gradient(self, gradient: Array) -> Array:
        """The gradient of the same loss with respect to the actions, shape (G, B, actions).

        The gradients of the parameters stay as they are.
        """
        self._to_body(gradient[..., None])
        return np.asarray(self._body.input_gradient(self._actions).sum(axis=1))

    def _to_body(self, column: Array) -> None:
        np.multiply(column, self._weight.swapaxes(-1, -2), out=self._body.output_gradient)
