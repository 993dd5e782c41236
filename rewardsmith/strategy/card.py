"""CARD (Sun et al. 2025, arXiv 2410.14660): one line of descent, and training only for what orders known behaviour.

A program is asked for; the bank says whether it prefers good behaviour to bad. If not, it is not trained and its writer
is told which trajectories it gets wrong; if so, it is trained and its writer is told how that went, and what the best
and the worst episode looked like. Then the next one is asked for, with the whole talk so far.

The paper and its released code differ. As published: ``screen=min-max measure=discounted``. As released:
``screen=above-best-failure measure=mean trained_anyway=1``, which trains whatever the bank says. Ours takes the rule of
the release and the gate of the paper. Changed in any case: a program that breaks is repaired with what was found, not
asked for again blindly; a program that breaks on a known success counts against itself; the result is the best by
the task's fitness, not the last, which nobody trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rewardsmith.maths.preference import Rule
from rewardsmith.orders import Kind, Order, Stop, Turn
from rewardsmith.state import RunState
from rewardsmith.strategy.base import (
    ScreenOptions,
    StrategyOptions,
    accepted_programs,
    lesson,
    most_attempts,
    rounds_owed,
    screenings,
    trainings,
    worth_training,
    write_wave,
)


class CardOptions(ScreenOptions):
    """Options of :class:`Card`.

    Attributes:
        rounds: programs asked for, one after the other; the paper refines twice.
        repairs: how often the findings of a refused program go back to the writer.
        seeds: training seeds of a program.
        screen, measure, threshold, trained_anyway: see :class:`ScreenOptions`.
    """

    rounds: int = Field(3, ge=1)
    repairs: int = Field(1, ge=0)
    seeds: int = Field(1, ge=1)
    screen: Rule | Literal["off"] = "above-best-failure"
    trained_anyway: float = Field(0.0, ge=0, le=1)


class Card:
    """Ask, hold against the bank, train, tell, ask again."""

    Options: ClassVar[type[StrategyOptions]] = CardOptions

    def __init__(self, options: CardOptions, steps: int) -> None:
        self.options = options
        self.steps = steps

    def plan(self, state: RunState) -> Sequence[Order]:
        """What the current program still owes, or the request for the next."""
        for number in range(rounds_owed(state, self.options.rounds)):
            writes = write_wave(state, number, self.options.repairs, [self._talk(state, number)])
            if writes:
                return writes
            programs = accepted_programs(state, number)
            owed: Sequence[Order] = screenings(state, programs, self.options)
            worth = worth_training(state, programs, self.options) if not owed else []
            owed = owed or trainings(state, worth, self.options.seeds, self.steps)
            if owed:
                return owed
        return [Stop("all rounds are done")]

    def planned_requests(self) -> int:
        """One a round, with its repairs."""
        return self.options.rounds * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """One a round."""
        return self.options.rounds

    def planned_trials(self) -> int:
        """Every program on every seed."""
        return self.options.rounds * self.options.seeds

    def trials_per_program(self) -> int:
        """One per seed."""
        return self.options.seeds

    def _talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The whole talk before a round, oldest first; where a program was repaired, only what came of it."""
        told: tuple[Kind, ...] = ("process", "trajectory", "audit")
        return tuple(turn for past in range(number) if (turn := lesson(state, past, told)) is not None)
