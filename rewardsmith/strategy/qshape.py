"""Ablation of programs: each function of a program is also trained alone.

A program may define a reward, a potential, subgoals and a prior on Q. The whole program, each of
its functions alone, and the environment's own reward get a short training. The best of them leads,
so a harmful function is left out. The feedback shows the fitness of each part. Based on Q-shaping
(Wu 2024, arXiv 2410.01458), which gives the same heuristic to all agents and selects among twenty
agents; here the trainings of this selection count towards the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.program import ENTRY_POINTS, NATIVE
from rewardsmith.run.orders import Derive, Kind, Order, Train
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions, trainings


class QShapeOptions(RoundOptions):
    """Options of :class:`QShape`; ``seeds`` holds for the whole, each part, and the native reward.

    Attributes:
        share: share of the training steps in selection; the final comparison takes all.
    """

    rounds: int = Field(2, ge=1)
    samples: int = Field(2, ge=1)
    seeds: int = Field(2, ge=1)
    share: float = Field(0.5, gt=0, le=1)


class QShape(InRounds[QShapeOptions]):
    """Request programs, train their parts, keep the best combination."""

    Options: ClassVar[type[StrategyOptions]] = QShapeOptions
    produces: ClassVar[str] = "all"
    feedback: ClassVar[tuple[Kind, ...]] = ("process", "ablation", "prior")

    def __init__(self, options: QShapeOptions, steps: int) -> None:
        super().__init__(options, max(1, round(options.share * steps)))

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        """Derivations of the parts; then trainings of wholes, parts and the native reward."""
        wholes = [
            name for name in accepted_programs(state, number) if name not in state.derived.values()
        ]
        parts = [(whole, keep) for whole in wholes for keep in _alone(state, whole)]
        derivations = [Derive(*part) for part in parts if part not in state.derived]
        return derivations or self._trainings(
            state, wholes, [state.derived[part] for part in parts]
        )

    def planned_trials(self) -> int:
        """Every program and each of its parts on every seed, and the native reward."""
        return super().planned_trials() + self.options.seeds

    def trials_per_program(self) -> int:
        """Those of the whole and of each part."""
        return (1 + len(ENTRY_POINTS)) * self.options.seeds

    def _trainings(
        self, state: RunState, wholes: Sequence[str], parts: Sequence[str | None]
    ) -> list[Train]:
        if not wholes:
            return []
        every = [NATIVE, *wholes, *(part for part in parts if part is not None)]
        return trainings(state, list(dict.fromkeys(every)), self.options.seeds, self.steps)


def _alone(state: RunState, whole: str) -> list[tuple[str, ...]]:
    """Each function of a program by itself; empty for a program with one function."""
    functions = state.functions[whole]
    return [(name,) for name in functions] if len(functions) > 1 else []
