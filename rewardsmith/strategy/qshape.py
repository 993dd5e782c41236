"""Knowledge in parts: each function of a program is tried alone, and what does not help is dropped.

A program may bring a reward, a potential, subgoals and a prior on Q. After a short training of the whole, of each part
alone, and of the environment's own reward, the best of these leads, whatever it is made of: a part that does harm is
not in it. The writer is told what each part earned. From Q-shaping (Wu 2024, arXiv 2410.01458), whose agents all get
the same heuristic; its selection among twenty agents is what the trainings here are charged for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.orders import Derive, Order, Stop, Train, Turn
from rewardsmith.program import NATIVE
from rewardsmith.state import RunState
from rewardsmith.strategy.base import (
    StrategyOptions,
    accepted_programs,
    lesson,
    most_attempts,
    rounds_owed,
    trainings,
    write_wave,
)

_PARTS = 4  # a program has at most


class QShapeOptions(StrategyOptions):
    """Options of :class:`QShape`.

    Attributes:
        rounds: how often programs are asked for.
        samples: programs in a round.
        repairs: how often the findings of a refused program go back to the writer.
        seeds: training seeds of each program, of each part alone, and of the environment's own reward.
        share: of the steps of a training that these take; the final comparison takes all.
    """

    rounds: int = Field(2, ge=1)
    samples: int = Field(2, ge=1)
    repairs: int = Field(1, ge=0)
    seeds: int = Field(2, ge=1)
    share: float = Field(0.5, gt=0, le=1)


class QShape:
    """Write, take apart, keep what helps."""

    Options: ClassVar[type[StrategyOptions]] = QShapeOptions

    def __init__(self, options: QShapeOptions, steps: int) -> None:
        self.options = options
        self.steps = max(1, round(options.share * steps))

    def plan(self, state: RunState) -> Sequence[Order]:
        """What the current round still owes, or the requests of the next."""
        for number in range(rounds_owed(state, self.options.rounds)):
            writes = write_wave(state, number, self.options.repairs, [self._talk(state, number)] * self.options.samples)
            if writes:
                return writes
            wholes = [name for name in accepted_programs(state, number) if not self._is_part(state, name)]
            owed: Sequence[Order] = [
                Derive(whole, keep)
                for whole in wholes
                for keep in self._alone(state, whole)
                if (whole, keep) not in state.derived
            ]
            owed = owed or self._trainings(state, wholes)
            if owed:
                return owed
        return [Stop("all rounds are done")]

    def planned_requests(self) -> int:
        """All samples of all rounds, each asked for as often as allowed."""
        return self.options.rounds * self.options.samples * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """All samples of all rounds, none of them refused."""
        return self.options.rounds * self.options.samples

    def planned_trials(self) -> int:
        """Every program and each of its parts on every seed, and the environment's own reward."""
        return (self.options.rounds * self.options.samples * (1 + _PARTS) + 1) * self.options.seeds

    def trials_per_program(self) -> int:
        """Of the whole and of each part."""
        return (1 + _PARTS) * self.options.seeds

    def _alone(self, state: RunState, whole: str) -> list[tuple[str, ...]]:
        functions = state.functions[whole]
        return [(name,) for name in functions] if len(functions) > 1 else []

    def _trainings(self, state: RunState, wholes: Sequence[str]) -> list[Train]:
        parts = [state.derived[whole, keep] for whole in wholes for keep in self._alone(state, whole)]
        every = [NATIVE, *wholes, *(part for part in parts if part is not None)] if wholes else []
        return trainings(state, list(dict.fromkeys(every)), self.options.seeds, self.steps)

    def _is_part(self, state: RunState, program: str) -> bool:
        return program in state.derived.values()

    def _talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        told = (lesson(state, past, ("process", "ablation")) for past in range(number))
        return tuple(turn for turn in told if turn is not None)
