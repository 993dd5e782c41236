"""The functions of one program as one evaluator: its reward, or the task's own, and the change of its potential.

The potential is paid as gamma * phi(s') - phi(s), 0 after an end (see
:mod:`rewardsmith.maths.shaping`). What agents
are ranked by is never that change, whose plain sum says nothing: :meth:`ProgramParts.own` leaves it
out.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.maths.shaping import potential_shaping
from rewardsmith.types import Array, Columns, Evaluator, FloatArray, Output

NATIVE_REWARD = "_native_reward"  # a column that no program can ask for
# under this name its change is logged, or with underscores where a term is called so
POTENTIAL_TERM = "potential"


class ProgramParts:
    """An :class:`rewardsmith.types.Evaluator` made of the evaluators of a program's functions.

    Args:
        reward: None where the task's own reward is what the potential is added to.
        potential: of states; None where there is none.
        gamma: the learner's discount.
    """

    def __init__(self, reward: Evaluator | None, potential: Evaluator | None, gamma: float) -> None:
        self.gamma = gamma
        self._reward, self._potential = reward, potential
        self._read = () if potential is None else potential.arguments
        asked = [*(reward.arguments if reward is not None else (NATIVE_REWARD,)), *self._read]
        ends = [*map(_after, self._read), "terminated"] if potential is not None else []
        self._arguments = tuple(dict.fromkeys([*asked, *ends]))

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return self._arguments

    @property
    def has_potential(self) -> bool:
        """Whether its pay depends on the discount."""
        return self._potential is not None

    def __call__(self, columns: Columns) -> Output:
        """The whole pay of transitions of shape (n, ...).

        Raises:
            ProgramError: the program broke on them.
        """
        own = self.own(columns)
        if self._potential is None:
            return own
        change = self._change(columns)
        name = POTENTIAL_TERM
        while name in own.terms:
            name += "_"
        terms = dict(own.terms) or {"reward": own.total}
        return Output(own.total + change, {**terms, name: change})

    def unshaped(self, output: Output) -> FloatArray:
        """What of this pay is not the change of the potential, which is its last term; shape (n,)."""
        return (
            output.total
            if self._potential is None
            else output.total - list(output.terms.values())[-1]
        )

    def own(self, columns: Columns) -> Output:
        """The same without the potential, asked anew."""
        if self._reward is not None:
            return self._reward(columns)
        native = np.array(columns[NATIVE_REWARD], np.float64)
        return Output(native, {"native": native})

    def _change(self, columns: Columns) -> FloatArray:
        """Both states in one call of the program."""
        assert self._potential is not None
        n = len(columns["terminated"])
        both: dict[str, Array] = {
            name: np.concatenate([columns[name], columns[_after(name)]]) for name in self._read
        }
        phi = self._potential(both).total if self._read else np.zeros(2 * n)
        return potential_shaping(phi[:n], phi[n:], columns["terminated"], self.gamma)


def without_potential(program: Evaluator, columns: Columns) -> Output:
    """What a program pays, but for the change of a potential."""
    return program.own(columns) if isinstance(program, ProgramParts) else program(columns)


def _after(argument: str) -> str:
    """The same name for the state after the step; what was at the beginning of an episode stays."""
    return argument if argument.startswith("first_") else f"next_{argument}"
