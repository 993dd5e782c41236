"""Knowledge in parts: each function of a program is tried alone, and what does not help is dropped.

A program may bring a reward, a potential, subgoals and a prior on Q. After a short training of the
whole, of each part alone, and of the environment's own reward, the best of these leads, whatever it
is made of: a part that does harm is not in it. The writer is told what each part earned. From
Q-shaping (Wu 2024, arXiv 2410.01458), whose agents all get the same heuristic; its selection among
twenty agents is what the trainings here are charged for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.program import ENTRY_POINTS, NATIVE
from rewardsmith.run.orders import Derive, Order, Train, Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions, lesson, trainings


class QShapeOptions(RoundOptions):
    """Options of :class:`QShape`; ``seeds`` are those of a program, of each part alone, and of the native reward.

    Attributes:
        share: of the steps of a training that these take; the final comparison takes all.
    """

    rounds: int = Field(2, ge=1)
    samples: int = Field(2, ge=1)
    seeds: int = Field(2, ge=1)
    share: float = Field(0.5, gt=0, le=1)


class QShape(InRounds[QShapeOptions]):
    """Write, take apart, keep what helps."""

    Options: ClassVar[type[StrategyOptions]] = QShapeOptions
    produces: ClassVar[str] = "all"

    def __init__(self, options: QShapeOptions, steps: int) -> None:
        super().__init__(options, max(1, round(options.share * steps)))

    def owed(self, state: RunState, number: int) -> Sequence[Order]:
        """Programs are taken apart; then whole, parts and the native reward are trained."""
        wholes = [
            name for name in accepted_programs(state, number) if name not in state.derived.values()
        ]
        parts = [(whole, keep) for whole in wholes for keep in _alone(state, whole)]
        taken = [Derive(*part) for part in parts if part not in state.derived]
        return taken or self._trainings(state, wholes, [state.derived[part] for part in parts])

    def planned_trials(self) -> int:
        """Every program and each of its parts on every seed, and the native reward."""
        return super().planned_trials() + self.options.seeds

    def trials_per_program(self) -> int:
        """Of the whole and of each part."""
        return (1 + len(ENTRY_POINTS)) * self.options.seeds

    def talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The whole talk before a round."""
        told = (lesson(state, past, ("process", "ablation", "prior")) for past in range(number))
        return tuple(turn for turn in told if turn is not None)

    def _trainings(
        self, state: RunState, wholes: Sequence[str], parts: Sequence[str | None]
    ) -> list[Train]:
        if not wholes:
            return []
        every = [NATIVE, *wholes, *(part for part in parts if part is not None)]
        return trainings(state, list(dict.fromkeys(every)), self.options.seeds, self.steps)


def _alone(state: RunState, whole: str) -> list[tuple[str, ...]]:
    """Each function of a program by itself; nothing to take apart where there is one."""
    functions = state.functions[whole]
    return [(name,) for name in functions] if len(functions) > 1 else []
