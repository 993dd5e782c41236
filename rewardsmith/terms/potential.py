"""The change of a potential as a term: gamma * phi(s') - phi(s), with phi = 0 after an end.

It leaves the optimal policy unchanged, see :mod:`rewardsmith.maths.shaping`.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from rewardsmith.maths.shaping import potential_shaping
from rewardsmith.terms.term import Opening, ProgramFunction
from rewardsmith.types import Array, Columns, Evaluator, Output


class PotentialChange:
    """The change of a potential in a step.

    Args:
        potential: a function of states, shape (n,).
        gamma: the learner's discount.
    """

    Payload: ClassVar = ProgramFunction
    name = "potential"
    ranks = False

    def __init__(self, potential: Evaluator, gamma: float) -> None:
        self.gamma = gamma
        self._potential, self._reads = potential, potential.arguments
        after = map(_after, self._reads)
        self.arguments = tuple(dict.fromkeys([*self._reads, *after, "terminated"]))

    @classmethod
    def open(cls, payload: ProgramFunction, opening: Opening) -> Self:
        """Start the function in a host.

        Raises:
            ProgramError: the module failed when it was run.
        """
        return cls(opening.host(payload), opening.task.spec.training.gamma)

    def __call__(self, columns: Columns) -> Output:
        """The change over transitions; the states before and after go in one call of the program.

        Raises:
            ProgramError: the program broke on them.
        """
        n = len(columns["terminated"])
        both: dict[str, Array] = {
            name: np.concatenate([columns[name], columns[_after(name)]]) for name in self._reads
        }
        phi = self._potential(both).total if self._reads else np.zeros(2 * n)
        return Output(potential_shaping(phi[:n], phi[n:], columns["terminated"], self.gamma))


def _after(argument: str) -> str:
    """The name of the same value after the step; a value at the beginning of an episode stays."""
    return argument if argument.startswith("first_") else f"next_{argument}"
