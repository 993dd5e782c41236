"""CARD (Sun et al. 2025, arXiv 2410.14660): one program at a time, screened before training.

Each program is screened: does it prefer the better ones of the recorded episodes? If not, it is not
trained, and the feedback shows the trajectories in the wrong order. If so, it is trained, and the
feedback shows the training and the best and the worst episode. Then the next program is requested,
with the whole conversation so far.

The paper and its released code differ. The options of the paper: ``screen=min-max
measure=discounted``. Those of the release: ``screen=above-best-failure measure=mean
trained_anyway=1``, which trains every program. The defaults here take the rule of the release, and
the discounted sum and the screening of the paper. Other differences: a program that fails the check
is repaired with the findings; a program that fails on a recorded success fails the screening; the
result is the program with the best fitness, not the last one, which was never trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rewardsmith.maths.preference import Rule
from rewardsmith.run.orders import Kind, Order
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions
from rewardsmith.strategy.screening import ScreenOptions, screened_trainings


class CardOptions(ScreenOptions, RoundOptions):
    """Options of :class:`Card`; the paper refines a program twice, which is three rounds."""

    screen: Rule | Literal["off"] = "above-best-failure"
    trained_anyway: float = Field(0.0, ge=0, le=1)


class Card(InRounds[CardOptions]):
    """Request a program, screen it, train it, give feedback, request the next."""

    Options: ClassVar[type[StrategyOptions]] = CardOptions
    feedback: ClassVar[tuple[Kind, ...]] = ("process", "trajectory", "audit")

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(contrast=self.options.contrast, seed=self.options.seed)

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        """A screening; then trainings if it passed."""
        return screened_trainings(state, accepted_programs(state, number), self.options, self.steps)
