"""The networks of all members of an ensemble, computed at once in torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rewardsmith.learned.model import Layer, Weights


class NetworkOutputs(NamedTuple):
    """What k networks return for n rows.

    Attributes:
        rewards: shape (k, n).
        heads: further outputs, shape (k, n, h).
    """

    rewards: Tensor
    heads: Tensor


class StackedNetworks(nn.Module):
    """k networks of the same shape: tanh layers, one output for the reward, h further outputs.

    The members share no weights. Further outputs are drawn last, so that they leave the other
    initial weights as they are.

    Args:
        members: k.
        width: numbers per row.
        hidden: units of the hidden layers.
        heads: h.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        members: int,
        width: int,
        hidden: Sequence[int],
        heads: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        sizes = [width, *hidden]
        shapes = list(zip(sizes, [*hidden, 1], strict=True))
        self.weights = nn.ParameterList(_drawn(members, *shape, generator) for shape in shapes)
        self.biases = nn.ParameterList(torch.zeros(members, 1, out) for _, out in shapes)
        self.heads = nn.Parameter(_drawn(members, sizes[-1], heads, generator))

    def forward(self, features: Tensor) -> NetworkOutputs:
        """The outputs for features of shape (k, n, d), or (n, d) for all members alike."""
        rows = features
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            rows = torch.tanh(torch.matmul(rows, weight) + bias)
        rewards = torch.matmul(rows, self.weights[-1]) + self.biases[-1]
        return NetworkOutputs(rewards[..., 0], torch.matmul(rows, self.heads))

    def layers(
        self, shift: Sequence[float], spread: Sequence[float]
    ) -> tuple[tuple[Layer, ...], ...]:
        """The layers of each member, its output as ``(output - shift) / spread``."""
        return tuple(
            self._layers_of(member, shift[member], spread[member]) for member in range(len(shift))
        )

    def _layers_of(self, member: int, shift: float, spread: float) -> tuple[Layer, ...]:
        weights = [weight[member].detach().double() for weight in self.weights]
        biases = [bias[member, 0].detach().double() for bias in self.biases]
        weights[-1], biases[-1] = weights[-1] / spread, (biases[-1] - shift) / spread
        return tuple(
            Layer(weight=Weights.of(weight.numpy()), bias=Weights.of(bias.numpy()))
            for weight, bias in zip(weights, biases, strict=True)
        )


def _drawn(members: int, size: int, out: int, generator: torch.Generator) -> Tensor:
    """Initial weights, uniform with the variance of ``torch.nn.Linear``."""
    bound = max(size, 1) ** -0.5
    drawn: Tensor = (2 * torch.rand(members, size, out, generator=generator) - 1) * bound
    return drawn
