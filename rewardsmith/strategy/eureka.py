"""Eureka (Ma et al. 2023, arXiv 2310.12931): N rounds of K programs, feedback on the best.

As in the paper: independent samples from one prompt, training of every valid program, feedback on
the terms and the task's score along training. Differences from the released code: results belong to
the id of a program, not to its position; after a round without a valid program the feedback is the
findings; invalid programs are repaired with their findings; the feedback shows the best and the
worst episode too; the score is a separate evaluation of
one checkpoint, not a maximum over the training curve; the parent is the best program so far, also
when a later round is worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.run.orders import Kind, Order, Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions, program_turn
from rewardsmith.strategy.screening import ScreenOptions, screened_trainings


class EurekaOptions(ScreenOptions, RoundOptions):
    """Options of :class:`Eureka`; N is ``rounds``, K is ``samples``.

    Attributes:
        history: number of past rounds that a request shows. The default of four is the best choice
            in a public benchmark of thirty such settings.
    """

    samples: int = Field(4, ge=1)
    seeds: int = Field(2, ge=1)
    history: int = Field(4, ge=1)


class Eureka(InRounds[EurekaOptions]):
    """The best of K programs, N times."""

    Options: ClassVar[type[StrategyOptions]] = EurekaOptions
    feedback: ClassVar[tuple[Kind, ...]] = ("process", "trajectory")

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(contrast=self.options.contrast, seed=self.options.seed)

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        """Trainings of every valid program, or of those that pass the screening."""
        return screened_trainings(state, accepted_programs(state, number), self.options, self.steps)

    def turns(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The last rounds, oldest first; the best program so far is always among them."""
        first = max(0, number - self.options.history)
        turns = self.turns_of(state, range(first, number))
        earlier = [p for past in range(number) for p in accepted_programs(state, past)]
        best = next(iter(state.ranked(earlier)), None)
        if best is not None and best not in {turn.program for turn in turns}:
            turns[:1] = [program_turn(state, best, self.feedback)]
        return tuple(turns)
