"""Multi-layer perceptrons of several members, with gradients written by hand.

Arrays are (G, N, B, width): G members, N networks of each that read the same input, and B samples.
All products are batches of matrix products of one member's size, so a member's numbers do not
depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from rewardsmith.train.members.parameters import Parameters
from rewardsmith.types import Array

_ZERO, _ONE, _INFINITE = np.float32(0), np.float32(1), np.float32(np.inf)
ALL = slice(None)


class Activation(NamedTuple):
    """A function between layers.

    Attributes:
        apply: computes it in place.
        backward: multiplies a gradient, in place, by the derivative; given the gradient, the
            function's value, and scratch of the same shape.
    """

    apply: Callable[[Array], None]
    backward: Callable[[Array, Array, Array], None]


def _tanh(values: Array) -> None:
    np.tanh(values, out=values)


def _tanh_backward(gradient: Array, value: Array, scratch: Array) -> None:
    np.multiply(value, value, out=scratch)
    np.subtract(_ONE, scratch, out=scratch)
    gradient *= scratch


def _relu(values: Array) -> None:
    np.clip(values, _ZERO, _INFINITE, out=values)  # a third of the time of np.maximum


def _relu_backward(gradient: Array, value: Array, scratch: Array) -> None:
    gradient *= value > 0


def _elu(values: Array) -> None:
    below = np.minimum(values, _ZERO)
    np.expm1(below, out=below)
    np.clip(values, _ZERO, _INFINITE, out=values)
    values += below


def _elu_backward(gradient: Array, value: Array, scratch: Array) -> None:
    np.minimum(value, _ZERO, out=scratch)
    scratch += _ONE
    gradient *= scratch


ACTIVATIONS: Mapping[str, Activation] = {
    "Tanh": Activation(_tanh, _tanh_backward),
    "ReLU": Activation(_relu, _relu_backward),
    "ELU": Activation(_elu, _elu_backward),
}
"""By the name of torch's module. Each derivative can be computed from the function's value."""


def layer_shapes(name: str, networks: int, widths: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters of a perceptron, for :class:`Parameters`.

    Args:
        widths: of the input, and of each layer's output.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        shapes[f"{name}.{layer}.weight"] = (networks, inputs, outputs)
        shapes[f"{name}.{layer}.bias"] = (networks, 1, outputs)
    return shapes


class _Scratch(NamedTuple):
    """Arrays for one batch size, one per layer: outputs, gradients, and room for derivatives.

    A product with ``ones``, shape (1, B), sums over the batch.
    """

    outputs: list[Array]
    gradients: list[Array]
    room: list[Array]
    ones: Array


class Perceptron:
    """Layers with an activation after each.

    Args:
        parameters: of all members; those of :func:`layer_shapes` are used.
        name: as given to :func:`layer_shapes`.
        activation: a key of :data:`ACTIVATIONS`.
        networks: those that are used; by default all.
    """

    def __init__(
        self, parameters: Parameters, name: str, depth: int, activation: str, networks: slice = ALL
    ) -> None:
        weights = [f"{name}.{layer}.weight" for layer in range(depth)]
        biases = [f"{name}.{layer}.bias" for layer in range(depth)]
        self._weights = [parameters[one][:, networks] for one in weights]
        self._biases = [parameters[one][:, networks] for one in biases]
        self._weight_gradients = [parameters.gradient(one)[:, networks] for one in weights]
        self._bias_gradients = [parameters.gradient(one)[:, networks] for one in biases]
        self._activation = ACTIVATIONS[activation]
        self._inputs: list[Array] = []
        self._kept: dict[int, _Scratch] = {}

    def act(self, inputs: Array, network: int = 0, members: slice = ALL) -> Array:
        """Outputs of one network of some members, shape (G, B, width).

        Args:
            inputs: of these members, shape (G, B, width).
        """
        values = inputs
        for weight, bias in zip(self._weights, self._biases, strict=True):
            values = values @ weight[members, network]
            values += bias[members, network]
            self._activation.apply(values)
        return values

    def forward(self, inputs: Array) -> Array:
        """Outputs of all networks, shape (G, N, B, width); valid until the next call.

        Args:
            inputs: shape (G, B, width).
        """
        scratch = self._scratch(inputs.shape[1])
        values = inputs[:, None]
        self._inputs = []
        for weight, bias, output in zip(self._weights, self._biases, scratch.outputs, strict=True):
            self._inputs.append(values)
            np.matmul(values, weight, out=output)
            output += bias
            self._activation.apply(output)
            values = output
        return values

    @property
    def output_gradient(self) -> Array:
        """Where :meth:`backward` reads the gradient of a loss with respect to the outputs."""
        return self._scratch(self._inputs[0].shape[2]).gradients[-1]

    def backward(self) -> None:
        """Write the gradients of the parameters, from :attr:`output_gradient`."""
        outputs, gradients, room, ones = self._scratch(self._inputs[0].shape[2])
        for layer in reversed(range(len(outputs))):
            gradient, inputs = gradients[layer], self._inputs[layer]
            self._activation.backward(gradient, outputs[layer], room[layer])
            np.matmul(inputs.swapaxes(-1, -2), gradient, out=self._weight_gradients[layer])
            np.matmul(ones, gradient, out=self._bias_gradients[layer])
            if layer:
                back = self._weights[layer].swapaxes(-1, -2)
                np.matmul(gradient, back, out=gradients[layer - 1])

    def input_gradient(self, columns: slice = ALL) -> Array:
        """The gradient of some columns of the inputs, from :attr:`output_gradient`.

        Those of the parameters stay as they are.

        Returns:
            Shape (G, N, B, columns).
        """
        outputs, gradients, room, _ = self._scratch(self._inputs[0].shape[2])
        for layer in reversed(range(len(outputs))):
            self._activation.backward(gradients[layer], outputs[layer], room[layer])
            if layer:
                back = self._weights[layer].swapaxes(-1, -2)
                np.matmul(gradients[layer], back, out=gradients[layer - 1])
        return gradients[0] @ self._weights[0][:, :, columns].swapaxes(-1, -2)

    def _scratch(self, batch: int) -> _Scratch:
        if batch not in self._kept:
            members, networks = self._weights[0].shape[:2]
            shapes = [(members, networks, batch, one.shape[-1]) for one in self._weights]
            ones = np.ones((1, batch), np.float32)
            self._kept[batch] = _Scratch(_empty(shapes), _empty(shapes), _empty(shapes), ones)
        return self._kept[batch]


def _empty(shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    return [np.empty(shape, np.float32) for shape in shapes]


class Head:
    """A linear layer whose outputs are (G, outputs, B).

    Sums over outputs, such as those of a softmax, then run over contiguous samples.

    Args:
        parameters: of all members, with ``name.weight`` of shape (inputs, outputs) and
            ``name.bias`` of shape (outputs, 1).
    """

    def __init__(self, parameters: Parameters, name: str) -> None:
        self._weight, self._bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
        self._weight_gradient = parameters.gradient(f"{name}.weight")
        self._bias_gradient = parameters.gradient(f"{name}.bias")

    def forward(self, hidden: Array, members: slice = ALL) -> Array:
        """Outputs of some members, shape (G, outputs, B).

        Args:
            hidden: of these members, shape (G, B, inputs).
        """
        outputs = self._weight[members].swapaxes(1, 2) @ hidden.swapaxes(1, 2)
        outputs += self._bias[members]
        return outputs

    def backward(self, gradient: Array, hidden: Array, out: Array) -> None:
        """Write the gradients of the parameters.

        Args:
            gradient: of a loss with respect to the outputs, shape (G, outputs, B).
            hidden: as given to :meth:`forward`.
            out: where the gradient of ``hidden`` is written.
        """
        back = gradient.swapaxes(1, 2)
        np.matmul(hidden.swapaxes(1, 2), back, out=self._weight_gradient)
        np.sum(gradient, axis=2, keepdims=True, out=self._bias_gradient)
        combine = np.multiply if gradient.shape[1] == 1 else np.matmul
        combine(back, self._weight.swapaxes(1, 2), out=out)


def head_shapes(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters of a :class:`Head`, for :class:`Parameters`."""
    return {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs, 1)}
