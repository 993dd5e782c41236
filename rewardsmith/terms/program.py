"""The reward function of a program as a term."""

from __future__ import annotations

from typing import ClassVar, Self

from rewardsmith.terms.term import Opening, ProgramFunction
from rewardsmith.types import Columns, Evaluator, Output


class ProgramReward:
    """What an evaluator gives: a program in its host, or a function in place of one.

    Args:
        program: gives the reward, shape (n,), and its terms.
    """

    Payload: ClassVar = ProgramFunction
    name = "reward"
    ranks = True

    def __init__(self, program: Evaluator) -> None:
        self._program = program

    @classmethod
    def open(cls, payload: ProgramFunction, opening: Opening) -> Self:
        """Start the function in a host.

        Raises:
            ProgramError: the module failed when it was run.
        """
        return cls(opening.host(payload))

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return self._program.arguments

    def __call__(self, columns: Columns) -> Output:
        """The program's reward of transitions.

        Raises:
            ProgramError: the program broke on them.
        """
        return self._program(columns)
