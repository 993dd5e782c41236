"""Strategies that ask in rounds: what they share, so that each says only what is its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from pydantic import Field

from rewardsmith.run.orders import Kind, Order, Stop, Train, Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import (
    Shape,
    Strategy,
    StrategyOptions,
    accepted_programs,
    most_attempts,
    write_wave,
)


class RoundOptions(StrategyOptions):
    """Options of a strategy that asks in rounds.

    Attributes:
        rounds: how often programs are asked for.
        samples: independent programs in a round.
        repairs: how often the findings of a refused program go back to the writer.
        seeds: training seeds of a program, on which programs are selected.
    """

    rounds: int = Field(3, ge=1)
    samples: int = Field(1, ge=1)
    repairs: int = Field(1, ge=0)
    seeds: int = Field(1, ge=1)


RoundsT = TypeVar("RoundsT", bound=RoundOptions)


class InRounds(Strategy[RoundsT]):
    """Asks for programs in rounds, and carries out what each round still owes.

    Each remark of the user (``rewardsmith say``) adds a round.
    """

    Options: ClassVar[type[StrategyOptions]] = RoundOptions
    ended: ClassVar[str] = "all rounds are done"

    @property
    def shape(self) -> Shape:
        """As its options say."""
        return Shape(self.options.rounds, self.options.samples, self.options.seeds)

    def talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The past that the requests of a round show, oldest first."""
        raise NotImplementedError

    def owed(self, state: RunState, number: int) -> Sequence[Order]:
        """What is to be done with the programs of a round; by default each is trained."""
        return trainings(state, accepted_programs(state, number), self.options.seeds, self.steps)

    def plan(self, state: RunState) -> Sequence[Order]:
        """The orders that the current round still owes, or the first ones of the next."""
        for number in range(self.options.rounds + sum(map(len, state.comments.values()))):
            turns = [self.talk(state, number)] * self.options.samples
            orders = write_wave(state, number, self.options.repairs, turns) or self.owed(
                state, number
            )
            if orders:
                return orders
        return [Stop(self.ended)]

    def planned_requests(self) -> int:
        """All samples of all rounds, each asked for as often as allowed."""
        return self.usual_requests() * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """All samples of all rounds, none of them refused."""
        return self.options.rounds * self.options.samples

    def planned_trials(self) -> int:
        """All samples of all rounds on every selection seed."""
        return self.usual_requests() * self.trials_per_program()

    def trials_per_program(self) -> int:
        """One per selection seed."""
        return self.options.seeds


def trainings(state: RunState, programs: Sequence[str], seeds: int, steps: int) -> list[Train]:
    """The selection trainings that these programs still owe, on seeds from 0."""
    owed = {
        p: tuple(s for s in range(seeds) if (p, s, "selection") not in state.trials)
        for p in programs
    }
    return [Train(program, left, "selection", steps) for program, left in owed.items() if left]


def lesson(
    state: RunState,
    number: int,
    trained: tuple[Kind, ...],
    refused: tuple[Kind, ...] = ("preference",),
) -> Turn | None:
    """The best program of a round and what came of it; of a failed round, its findings.

    Args:
        trained: what is told of a program that was trained.
        refused: what of one that was not: why known behaviour spoke against it.
    """
    accepted = accepted_programs(state, number)
    if not accepted:
        answered = [slot for slot in state.round_slots(number) if slot.holds_code]
        return (
            Turn(answered[-1].program, ("failed_round",), answered[-1].slot) if answered else None
        )
    best = next(iter([*state.ranked(accepted), *accepted]))
    return told_of(state, best, trained, refused)


def told_of(
    state: RunState,
    program: str,
    trained: tuple[Kind, ...],
    refused: tuple[Kind, ...] = ("preference",),
) -> Turn:
    """What a request tells of a valid program, and what a person said of it.

    Where known behaviour spoke against one that was trained all the same, that is told too.
    """
    kinds = trained if state.trials_of(program, "selection") else refused
    if kinds is trained and state.failed(program):
        kinds = (*trained, "preference")
    said: tuple[Kind, ...] = ("person",) if state.comments.get(program) else ()
    return Turn(program, (*kinds, *said), state.programs[program])
