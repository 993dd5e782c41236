"""The base class of strategies that request programs in rounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """Options of a strategy that works in rounds.

    Attributes:
        rounds: number of rounds.
        samples: independent programs per round.
        repairs: repairs per program that fails the check.
        seeds: training seeds per program, for the selection.
    """

    rounds: int = Field(3, ge=1)
    samples: int = Field(1, ge=1)
    repairs: int = Field(1, ge=0)
    seeds: int = Field(1, ge=1)


RoundsT = TypeVar("RoundsT", bound=RoundOptions)


class InRounds(Strategy[RoundsT]):
    """Requests programs in rounds, and gives the orders that each round still needs.

    Each comment of the user (``rewardsmith say``) adds a round, and so does each program that did
    not hold at the end of the search.

    Class attributes:
        feedback: kinds of feedback on a trained program.
        feedback_untrained: kinds of feedback on a program that was not trained.
        stop_message: the reason why the search ends after the last round.
    """

    Options: ClassVar[type[StrategyOptions]] = RoundOptions
    feedback: ClassVar[tuple[Kind, ...]] = ("process",)
    feedback_untrained: ClassVar[tuple[Kind, ...]] = ("preference",)
    stop_message: ClassVar[str] = "all rounds are done"

    @property
    def shape(self) -> Shape:
        """As its options say."""
        return Shape(self.options.rounds, self.options.samples, self.options.seeds)

    def turns(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The past that the requests of a round show, oldest first; by default all rounds."""
        return tuple(self.turns_of(state, range(number)))

    def turns_of(self, state: RunState, rounds: Iterable[int]) -> list[Turn]:
        """The turns of these rounds, without those that had no code."""
        turns = [
            round_turn(state, number, self.feedback, self.feedback_untrained) for number in rounds
        ]
        return [turn for turn in turns if turn is not None]

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        """The orders for the programs of a round; by default each is trained."""
        return trainings(state, accepted_programs(state, number), self.options.seeds, self.steps)

    def plan(self, state: RunState) -> Sequence[Order]:
        """The orders that the current round still needs, or the first ones of the next."""
        comments = sum(map(len, state.comments.values()))
        for number in range(self.options.rounds + comments + state.extra_rounds):
            turns = [self.turns(state, number)] * self.options.samples
            writes = write_wave(state, number, self.options.repairs, turns)
            orders = writes or self.orders(state, number)
            if orders:
                return orders
        return [Stop(self.stop_message)]

    def planned_requests(self) -> int:
        """All samples of all rounds, each with all its repairs."""
        return self.usual_requests() * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """All samples of all rounds, all of them valid."""
        return self.options.rounds * self.options.samples

    def planned_trials(self) -> int:
        """All samples of all rounds on every selection seed."""
        return self.usual_requests() * self.trials_per_program()

    def trials_per_program(self) -> int:
        """One per selection seed."""
        return self.options.seeds


def trainings(state: RunState, programs: Sequence[str], seeds: int, steps: int) -> list[Train]:
    """The selection trainings that these programs still need, on seeds from 0."""
    missing = {program: missing_seeds(state, program, seeds) for program in programs}
    return [Train(program, left, "selection", steps) for program, left in missing.items() if left]


def missing_seeds(state: RunState, program: str, seeds: int) -> tuple[int, ...]:
    """The seeds, of those from 0, on which a program has no selection trial."""
    return tuple(seed for seed in range(seeds) if (program, seed, "selection") not in state.trials)


def round_turn(
    state: RunState,
    number: int,
    trained: tuple[Kind, ...],
    untrained: tuple[Kind, ...] = ("preference",),
) -> Turn | None:
    """The turn that shows a round: its best program, or the findings if none was valid.

    Args:
        trained: feedback on a trained program.
        untrained: feedback on one that was not trained.

    Returns:
        None for a round without any code.
    """
    accepted = accepted_programs(state, number)
    if not accepted:
        answered = [slot for slot in state.round_slots(number) if slot.holds_code]
        return (
            Turn(answered[-1].program, ("failed_round",), answered[-1].slot) if answered else None
        )
    best = next(iter([*state.ranked(accepted), *accepted]))
    return program_turn(state, best, trained, untrained)


def program_turn(
    state: RunState,
    program: str,
    trained: tuple[Kind, ...],
    untrained: tuple[Kind, ...] = ("preference",),
) -> Turn:
    """The turn that shows a valid program, with preferences and comments of the user.

    It also shows why a trained program failed its screening. How the program orders judged episodes
    is left out beside ``choice``: what judges said is part of that, and the fitness of episodes
    would contradict them.
    """
    kinds = trained if state.trials_of(program, "selection") else untrained
    if kinds is trained and state.failed(program):
        kinds = (*trained, "preference")
    exploit: tuple[Kind, ...] = ("exploit",) if state.exploited(program) else ()
    slot = state.programs[program]
    shows = "choice" not in trained and state.known_judgements(slot.round)
    judged: tuple[Kind, ...] = ("judged",) if shows else ()
    comments: tuple[Kind, ...] = ("user",) if state.comments.get(program) else ()
    return Turn(program, (*kinds, *exploit, *judged, *comments), slot)
