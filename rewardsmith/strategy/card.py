"""CARD (Sun et al. 2025, arXiv 2410.14660): one line of descent, and training only for what orders known behaviour.

A program is asked for; the bank says whether it prefers good behaviour to bad. If not, it is not
trained and its writer is told which trajectories it gets wrong; if so, it is trained and its writer
is told how that went, and what the best and the worst episode looked like. Then the next one is
asked for, with the whole talk so far.

The paper and its released code differ. As published: ``screen=min-max measure=discounted``. As
released: ``screen=above-best-failure measure=mean trained_anyway=1``, which trains whatever the
bank says. Ours takes the rule of
the release, the discounted sum and the gate of the paper. Changed in any case: a program that
breaks is repaired with what was found, not asked for again blindly; a program that breaks on a
known success counts against itself; the result is the best by the task's fitness, not the last,
which nobody trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rewardsmith.maths.preference import Rule
from rewardsmith.run.orders import Order, Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions, lesson
from rewardsmith.strategy.screening import ScreenOptions, screened_trainings


class CardOptions(ScreenOptions, RoundOptions):
    """Options of :class:`Card`; the paper refines twice, which is three rounds."""

    screen: Rule | Literal["off"] = "above-best-failure"
    trained_anyway: float = Field(0.0, ge=0, le=1)


class Card(InRounds[CardOptions]):
    """Ask, hold against the bank, train, tell, ask again."""

    Options: ClassVar[type[StrategyOptions]] = CardOptions

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(contrast=self.options.contrast, seed=self.options.seed)

    def owed(self, state: RunState, number: int) -> Sequence[Order]:
        """The program is held against the bank, and trained if that does not speak against it."""
        return screened_trainings(state, accepted_programs(state, number), self.options, self.steps)

    def talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The whole talk before a round; where a program was repaired, only what came of it."""
        told = (lesson(state, past, ("process", "trajectory", "audit")) for past in range(number))
        return tuple(turn for turn in told if turn is not None)
