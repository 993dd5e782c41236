"""Adam with a bound on the norm of gradients, each member on its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.train.members.parameters import Parameters
from rewardsmith.types import Array, FloatArray, TrainingState


class Adam:
    """The optimiser of torch, formula by formula (Kingma and Ba 2015, arXiv 1412.6980).

    Args:
        parameters: what is optimised, in place.
        eps: added to the root of the second moment.
        betas: decay of the first and of the second moment.

    Attributes:
        steps: taken by each member, shape (G,).
    """

    def __init__(
        self, parameters: Parameters, eps: float = 1e-8, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self._parameters = parameters
        self._eps, self._betas = eps, betas
        self._first, self._second = (np.zeros_like(parameters.values) for _ in range(2))
        self._scratch = np.empty_like(parameters.values)
        self.steps = np.zeros(len(parameters.values), np.int64)

    def take(self, other: Adam, members: Sequence[int]) -> None:
        """Go on from the state of some members of another optimiser."""
        self._first[...], self._second[...] = other._first[members], other._second[members]
        self.steps[...] = other.steps[members]

    def state(self, member: int) -> TrainingState:
        """What a member's optimiser goes on from."""
        moments = {"first": self._first[member], "second": self._second[member]}
        return TrainingState(moments, {"steps": int(self.steps[member])})

    def restore(self, member: int, state: TrainingState) -> None:
        """Go on from there."""
        self._first[member], self._second[member] = state.arrays["first"], state.arrays["second"]
        self.steps[member] = state.facts["steps"]

    def step(self, rates: FloatArray, members: Sequence[int] | None = None) -> None:
        """Take one step along the gradients.

        Args:
            rates: learning rate of each member, shape (G,).
            members: those that take it; by default all.
        """
        rows: list[slice] = (
            [slice(None)] if members is None else [slice(one, one + 1) for one in members]
        )
        for some in rows:
            self._step(some, rates)

    def _step(self, rows: slice, rates: FloatArray) -> None:
        self.steps[rows] += 1
        b1, b2 = self._betas
        unbias_first = 1 - b1 ** self.steps[rows]
        unbias_root = np.sqrt(1 - b2 ** self.steps[rows]).astype(np.float32)[:, None]
        rate = (rates[rows] / unbias_first).astype(np.float32)[:, None]
        gradient, first = self._parameters.gradients[rows], self._first[rows]
        second, scratch = self._second[rows], self._scratch[rows]
        np.subtract(gradient, first, out=scratch)
        scratch *= np.float32(1 - b1)
        first += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch *= np.float32(1 - b2)
        second *= np.float32(b2)
        second += scratch
        np.sqrt(second, out=scratch)
        scratch /= unbias_root
        scratch += np.float32(self._eps)
        np.divide(first, scratch, out=scratch)
        scratch *= rate
        self._parameters.values[rows] -= scratch


def clip_gradients(gradients: Array, most: float) -> None:
    """Scale the gradient of each member so that its norm is at most ``most``, in place.

    As ``torch.nn.utils.clip_grad_norm_``.

    Args:
        gradients: shape (G, P).
    """
    # one sum per row: summed over merged axes, a member's norm would depend on the other members
    norms = np.sqrt(np.array([np.dot(row, row) for row in gradients]))
    scale = np.minimum(np.float32(most) / (norms + np.float32(1e-6)), np.float32(1))
    if not (scale == 1).all():
        gradients *= scale[:, None]
