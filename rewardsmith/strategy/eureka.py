"""Eureka (Ma et al. 2023, arXiv 2310.12931): K programs a round, the best reflected on, N rounds.

Kept: independent samples from one prompt, training of every valid one, reflection on the terms and the
task's score along training. Changed, because the released code suffers from it: results belong to a program
id and never to a position; a round in which everything failed sends the findings; broken programs are
repaired with their findings; the score is a separate evaluation of one checkpoint, never a maximum over
the training curve; the parent is the best program so far, also when a later round did worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.orders import Order, Stop, Turn
from rewardsmith.state import RunState
from rewardsmith.strategy.base import (
    ScreenOptions,
    StrategyOptions,
    accepted_programs,
    lesson,
    most_attempts,
    rounds_owed,
    screenings,
    told_of,
    trainings,
    worth_training,
    write_wave,
)


class EurekaOptions(ScreenOptions):
    """Options of :class:`Eureka`.

    Attributes:
        rounds: N, how often the writer is asked.
        samples: K, independent programs per round.
        repairs: how often the findings of a refused program go back to the writer.
        seeds: training seeds per program on which programs are selected.
        screen, measure, threshold, trained_anyway: see :class:`ScreenOptions`.
        history: past rounds that a request shows; the last four are kept by default, which a public
            benchmark of thirty such choices found to help.
    """

    rounds: int = Field(3, ge=1)
    samples: int = Field(4, ge=1)
    repairs: int = Field(1, ge=0)
    seeds: int = Field(2, ge=1)
    history: int = Field(4, ge=1)


class Eureka:
    """Best of K, N times."""

    Options: ClassVar[type[StrategyOptions]] = EurekaOptions

    def __init__(self, options: EurekaOptions, steps: int) -> None:
        self.options = options
        self.steps = steps

    def plan(self, state: RunState) -> Sequence[Order]:
        """The orders that the current round still owes, or the first ones of the next."""
        for number in range(rounds_owed(state, self.options.rounds)):
            turns = [self._turns(state, number)] * self.options.samples
            writes = write_wave(state, number, self.options.repairs, turns)
            if writes:
                return writes
            accepted = accepted_programs(state, number)
            owed: Sequence[Order] = screenings(state, accepted, self.options)
            worth = worth_training(state, accepted, self.options) if not owed else []
            owed = owed or trainings(state, worth, self.options.seeds, self.steps)
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
        """All samples of all rounds on every selection seed."""
        return self.options.rounds * self.options.samples * self.options.seeds

    def trials_per_program(self) -> int:
        """One per selection seed."""
        return self.options.seeds

    def _turns(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The lessons of the rounds before, oldest first; the best program so far is always among them."""
        first = max(0, number - self.options.history)
        turns = [turn for past in range(first, number) if (turn := lesson(state, past, ("process",))) is not None]
        best = next(iter(state.ranked(p for past in range(number) for p in accepted_programs(state, past))), None)
        if best is not None and best not in {turn.program for turn in turns}:
            turns[:1] = [told_of(state, best, ("process",))]
        return tuple(turns)
