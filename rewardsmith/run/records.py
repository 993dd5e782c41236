"""What screening and the audit of subgoals found about a program, as it lies in its folder."""

from __future__ import annotations

from pydantic import BaseModel


class TermSummary(BaseModel):
    """What a term pays over recorded episodes.

    Attributes:
        better, worse: mean over the better episodes, and over the others.
        cells: for each of the episodes that are shown.
    """

    name: str
    better: float | None
    worse: float | None
    cells: list[float | None]


class StepSummary(BaseModel):
    """One step of an episode, or several in which all is the same: ``"13 to 49"``."""

    step: str
    cells: list[str | float | None]


class EpisodeSummary(BaseModel):
    """An episode at the moments that tell most.

    Attributes:
        origin: whose it is, in words.
        success: None where the task defines no success.
        columns: fields, actions, reward, and terms, of which ``rows`` hold the values.
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
        share: of what the rule counts, how much is in order.
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
        problem: how the program breaks on them; empty where it does not.
        concerns: findings of the audit, as text.
        preference: None where the program breaks.
    """

    problem: str = ""
    concerns: list[str] = []
    preference: PreferenceSummary | None = None


class SubgoalSummary(BaseModel):
    """When one subgoal comes true on recorded episodes.

    Attributes are those of :class:`rewardsmith.evidence.subgoals.SubgoalStatistics`.
    """

    name: str
    untaught: float | None
    failures: float | None
    successes: float | None
    at_once: float
    early: float | None
    step: float | None
    label: str | None
    false: int
    negatives: int
    votes: tuple[int, int]
    bound: float | None
    trust: str


class AuditRecord(BaseModel):
    """The audit of a program's subgoals.

    Attributes:
        refused: no agent may be trained for them.
        most_false: false alarms per transition that are allowed.
    """

    rows: list[SubgoalSummary] = []
    concerns: list[str] = []
    refused: bool = False
    most_false: float = 0.0
