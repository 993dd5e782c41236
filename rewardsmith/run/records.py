"""Records of the screening and of the audit of subgoals, in the folder of a program."""

from __future__ import annotations

from pydantic import BaseModel


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


class ExploitRecord(BaseModel):
    """The exploit of a program.

    Attributes:
        episode: the failure with the highest return, at its most informative steps.
    """

    episode: EpisodeSummary


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


class SubgoalSummary(BaseModel):
    """When one subgoal is reached in recorded episodes.

    Attributes are those of :class:`rewardsmith.evidence.subgoals.SubgoalStatistics`.
    """

    name: str
    random: float | None
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
        refused: whether the program may not be trained.
        most_false: allowed false alarms per transition.
    """

    rows: list[SubgoalSummary] = []
    concerns: list[str] = []
    refused: bool = False
    most_false: float = 0.0
