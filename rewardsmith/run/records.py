"""Records of the screening and of the audit of subgoals, in the folder of a program."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, computed_field

from rewardsmith.maths.statistics import most_likely_rate

# the kinds of evidence for a subgoal
Trust = Literal["labels", "judge", "behaviour", "nothing"]


class TermSummary(BaseModel):
    """The reward of a term over recorded episodes.

    Attributes:
        better, worse: mean over the better episodes, and over the others.
        cells: for each of the episodes that are shown.
    """

    name: str
    better: float | None
    worse: float | None
    cells: list[float | None]


class StepSummary(BaseModel):
    """One step of an episode, or several equal ones: ``"13 to 49"``."""

    step: str
    cells: list[str | float | None]


class EpisodeSummary(BaseModel):
    """An episode at its most informative steps.

    Attributes:
        origin: whose it is, in words.
        success: None where the task defines no success.
        columns: fields, actions, reward, and terms, whose values are in ``rows``.
    """

    title: str
    origin: str
    steps: int
    fitness: float | None
    success: bool | None
    columns: list[str]
    rows: list[StepSummary]


class PreferenceSummary(BaseModel):
    """How a program orders recorded episodes.

    Attributes:
        rule, per: what is counted, and how an episode is scored, in words.
        share: share in order of what the rule counts.
        threshold: share that is needed.
        by_success: the better episodes are the solved ones; else those of the better half.
        better, worse: how many of each there are.
        above: better episodes that score more than the best of the others.
        episodes: the lowest of the better ones and the highest of the others.
    """

    rule: str
    per: str
    share: float
    threshold: float
    by_success: bool
    better: int
    worse: int
    above: int
    terms: list[TermSummary]
    episodes: list[EpisodeSummary]


class ScreenRecord(BaseModel):
    """The screening of a program on recorded episodes.

    Attributes:
        problem: the error of the program on them; empty if there was none.
        concerns: findings of the audit, as text.
        preference: None if the program failed.
    """

    problem: str = ""
    concerns: list[str] = []
    preference: PreferenceSummary | None = None


class SubgoalStatistics(BaseModel, frozen=True):
    """When one subgoal becomes true in recorded episodes.

    Attributes:
        random, failures, successes: share of the episodes of each kind in which it does; None
            where there are none.
        at_once: share of all episodes in which it does so in the first step.
        early: of the successes that had it, the share in which it came before the last step.
        step: median step of the successes that had it, from 1.
        label: the task's label that means the same; None where none does.
        false, negatives: false alarms among the transitions before that label is true.
        votes: (yes, asked): what a model says of steps in which it comes true.
    """

    name: str
    random: float | None
    failures: float | None
    successes: float | None
    at_once: float
    early: float | None
    step: float | None
    label: str | None = None
    false: int = 0
    negatives: int = 0
    votes: tuple[int, int] = (0, 0)

    @computed_field  # type: ignore[prop-decorator]  # written to the record of an audit
    @property
    def bound(self) -> float | None:
        """Upper confidence bound of the rate of false alarms; None without a label."""
        return None if self.label is None else most_likely_rate(self.false, self.negatives)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def trust(self) -> Trust:
        """The kind of evidence for it."""
        if self.label is not None:
            return "labels"
        if self.votes[1]:
            return "judge"
        return "behaviour" if self.successes is not None else "nothing"


class AuditRecord(BaseModel):
    """The audit of a program's subgoals.

    Attributes:
        refused: whether the program may not be trained.
        most_false: allowed false alarms per transition.
    """

    rows: list[SubgoalStatistics] = []
    concerns: list[str] = []
    refused: bool = False
    most_false: float = 0.0
