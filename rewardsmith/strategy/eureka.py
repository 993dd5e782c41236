"""Eureka (Ma et al. 2023, arXiv 2310.12931): K programs a round, the best reflected on, N rounds.

Kept: independent samples from one prompt, training of every valid one, reflection on the terms and
the task's score along training. Changed, because the released code suffers from it: results belong
to a program id and never to a position; a round in which everything failed sends the findings;
broken programs are repaired with their findings; the score is a separate evaluation of one
checkpoint, never a maximum over the training curve; the parent is the best program so far, also
when a later round did worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.run.orders import Order, Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions, lesson, told_of
from rewardsmith.strategy.screening import ScreenOptions, screened_trainings


class EurekaOptions(ScreenOptions, RoundOptions):
    """Options of :class:`Eureka`; N is ``rounds``, K is ``samples``.

    Attributes:
        history: past rounds that a request shows; the last four are kept by default, which a public
            benchmark of thirty such choices found to help.
    """

    samples: int = Field(4, ge=1)
    seeds: int = Field(2, ge=1)
    history: int = Field(4, ge=1)


class Eureka(InRounds[EurekaOptions]):
    """Best of K, N times."""

    Options: ClassVar[type[StrategyOptions]] = EurekaOptions

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(contrast=self.options.contrast, seed=self.options.seed)

    def owed(self, state: RunState, number: int) -> Sequence[Order]:
        """Every valid program is trained, or those that the bank does not speak against."""
        return screened_trainings(state, accepted_programs(state, number), self.options, self.steps)

    def talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The lessons of the rounds before, oldest first; the best program so far is always among them."""
        first = max(0, number - self.options.history)
        turns = [
            turn
            for past in range(first, number)
            if (turn := lesson(state, past, ("process",))) is not None
        ]
        best = next(
            iter(state.ranked(p for past in range(number) for p in accepted_programs(state, past))),
            None,
        )
        if best is not None and best not in {turn.program for turn in turns}:
            turns[:1] = [told_of(state, best, ("process",))]
        return tuple(turns)
