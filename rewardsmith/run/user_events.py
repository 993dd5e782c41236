"""What the user does to a run: comments, preferences, more rounds, a higher budget."""

from __future__ import annotations

from typing import ClassVar

from rewardsmith.run.event import Event
from rewardsmith.run.judgements import Judgement, KnownJudgement
from rewardsmith.run.settings import Budget
from rewardsmith.run.state import RunState


class Commented(Event):
    """The user commented on a program; the run has one more round."""

    kind: ClassVar[str] = "commented"
    program: str
    words: str

    def apply(self, state: RunState) -> None:
        state.comments.setdefault(self.program, []).append(self.words)
        state.reopened += 1
        state.stopped = None


class Widened(Event):
    """The user asked for more rounds, or for more seeds of the final comparison.

    Attributes:
        rounds: further rounds.
        report_seeds: seeds of each final comparison from now on; None to leave them.
    """

    kind: ClassVar[str] = "widened"
    rounds: int = 0
    report_seeds: int | None = None

    def apply(self, state: RunState) -> None:
        state.extra_rounds += self.rounds
        state.report_seeds = self.report_seeds or state.report_seeds
        state.reopened += 1
        state.stopped = None


class BudgetRaised(Event):
    """The user raised limits.

    Attributes:
        limits: the new ones; None for those that stay.
    """

    kind: ClassVar[str] = "budget_raised"
    limits: Budget

    def apply(self, state: RunState) -> None:
        state.raised = state.raised.replaced_by(self.limits)
        state.reopened += 1
        state.refused = state.stopped = None


class Judged(Event):
    """Somebody compared two episodes; a later answer of the same labeller replaces an earlier one.

    It does not let the search go on: a labelling has many answers.
    """

    kind: ClassVar[str] = "judged"
    found: Judgement

    def apply(self, state: RunState) -> None:
        last = max((slot.round for slot in state.slots), default=-1)
        state.judgements[self.found.pair, self.found.by] = KnownJudgement(self.found, last)
