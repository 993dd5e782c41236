"""The values of the feedback templates in ``prompts/shared``: one record per kind of feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rewardsmith.run.judgements import Standing
from rewardsmith.run.records import (
    EpisodeSummary,
    PreferenceSummary,
    StepSummary,
    SubgoalStatistics,
)


@dataclass(frozen=True)
class CurveLine:
    """A measure or a term along training: one value per stretch, None where no episode ended."""

    name: str
    cells: list[float | None]


@dataclass(frozen=True)
class CurveSummary:
    """Trainings as a table and in words.

    Attributes:
        columns: number of steps at the end of each stretch, as text.
    """

    columns: list[str]
    rows: list[CurveLine]
    words: list[str]


@dataclass(frozen=True)
class FieldRange:
    """The lowest and the highest value of a field, under the random and the trained policy."""

    name: str
    random: tuple[float, float]
    here: tuple[float, float]


@dataclass(frozen=True)
class RangeSummary:
    """The ranges of fields in evaluation episodes.

    Attributes:
        ranges: of fields that differ from the random policy.
        alike: number of the other fields.
    """

    ranges: Sequence[FieldRange] = ()
    alike: int = 0


@dataclass(frozen=True)
class BestProgram:
    """The best program of a conversation, as seen from one of its programs.

    Attributes:
        is_best: this program is the best of several.
        best_answer: number of the answer with a clearly better program, from 1; None if there is
            none.
        best_elsewhere: the fitness of that program.
    """

    is_best: bool = False
    best_answer: int | None = None
    best_elsewhere: float | None = None


@dataclass(frozen=True)
class ProcessFeedback:
    """``shared/process``: a training.

    Attributes:
        failed: the error that stopped it; None where there was none.
        screen: the screening before it; None where there was none.
        by_seed: fitness of each training seed.
        siblings: fitness of the other trained programs of its round, best first.
        exploited_siblings: how many of these have a known exploit.
        refused: number of programs of its round that were refused.
        diagnosis: which lever is missing, in words; empty if every seed solves the task.

    The others are those of :class:`BestProgram`, :class:`CurveSummary` and :class:`RangeSummary`.
    """

    failed: str | None
    seeds: int
    screen: PreferenceSummary | None
    fitness: float | None
    by_seed: Sequence[float]
    success: float | None
    siblings: Sequence[float]
    exploited_siblings: int
    refused: int
    is_best: bool
    best_answer: int | None
    best_elsewhere: float | None
    columns: list[str]
    rows: list[CurveLine]
    words: list[str]
    diagnosis: str
    ranges: Sequence[FieldRange]
    alike: int


@dataclass(frozen=True)
class EvaluationSummary:
    """An evaluation episode.

    Attributes:
        own_return: undiscounted.
        columns: fields, actions, reward, and terms, of which ``rows`` hold the values.
    """

    title: str
    steps: int
    fitness: float
    success: bool | None
    own_return: float
    columns: list[str]
    rows: list[StepSummary]


@dataclass(frozen=True)
class TrajectoryFeedback:
    """``shared/trajectory``: the best and the worst evaluation episode."""

    episodes: list[EvaluationSummary]


@dataclass(frozen=True)
class ReachSummary:
    """When trained agents reached a subgoal.

    Attributes:
        share, failures: share of all episodes and of failed ones; None where none failed.
        step: median step; None where no episode reached it.
    """

    name: str
    share: float
    failures: float | None
    step: float | None


@dataclass(frozen=True)
class SubgoalFeedback:
    """``shared/subgoals``: the audit of subgoals, and when trained agents reached them.

    Attributes:
        form: how subgoals are rewarded, as in the task's settings.
    """

    rows: list[SubgoalStatistics]
    concerns: list[str]
    refused: bool
    played: list[ReachSummary]
    form: str


@dataclass(frozen=True)
class AuditFeedback:
    """``shared/audit``: findings about a trained program, as text."""

    concerns: list[str]


@dataclass(frozen=True)
class AblationRow:
    """Some functions of a program, and the fitness of agents trained with these alone."""

    parts: str
    fitness: float


@dataclass(frozen=True)
class AblationFeedback:
    """``shared/ablation``: the functions of a program alone, best first."""

    rows: list[AblationRow]


@dataclass(frozen=True)
class PriorDisagreement:
    """A step at which a prior on Q prefers another action than the agent took.

    Attributes:
        cells: fields before the step, the agent's action, and the prior's.
        gap: difference of their values.
    """

    cells: list[float | str]
    gap: float


@dataclass(frozen=True)
class PriorTests:
    """The tests of a prior on Q at the beginning of trainings.

    Attributes:
        accepted: number of trainings in which it was accepted.
        guided, own: mean return of the episodes that the prior guided, and of the learner's own;
            None where none ended.
    """

    trainings: int
    accepted: int
    guided: float | None
    own: float | None


@dataclass(frozen=True)
class PriorFeedback:
    """``shared/prior``: a prior on Q against what the best agent did.

    Attributes:
        who: the agent, in words.
        steps: number of compared steps; 0 where there is no agent or no prior.
        share: share of the other actions that are valued no more than the agent's.
        states: Kendall's tau of the values of states with the returns from there.
        columns: names of the fields in ``rows``.
        tests: None where the prior was not tested.
    """

    who: str = ""
    fitness: float | None = None
    steps: int = 0
    share: float | None = None
    states: float | None = None
    columns: Sequence[str] = ()
    rows: Sequence[PriorDisagreement] = ()
    tests: PriorTests | None = None


@dataclass(frozen=True)
class PreferenceFeedback:
    """``shared/preference``: why a program failed its screening.

    Attributes:
        problem: how it fails on recorded episodes; empty where it does not.
        screen: how it orders them; None where it fails on them.

    The others are those of :class:`BestProgram`.
    """

    problem: str
    concerns: list[str]
    trained: bool
    screen: PreferenceSummary | None
    is_best: bool = False
    best_answer: int | None = None
    best_elsewhere: float | None = None


@dataclass(frozen=True)
class TriedProgram:
    """``shared/guidance``: one program that a request names and does not show.

    Attributes:
        terms: names of its terms.
        fitness: after its training; None if it was not trained.
        short: whether that was a short training.
        remarks: what is known against it, in words.
    """

    terms: Sequence[str]
    fitness: float | None
    short: bool
    remarks: Sequence[str]


@dataclass(frozen=True)
class ExploitFeedback:
    """``shared/exploit``: the failure that a program prefers to success.

    Attributes:
        finding: what was found, in words.
        episode: the failure at its most informative steps; None where it was not kept.
    """

    finding: str
    episode: EpisodeSummary | None


@dataclass(frozen=True)
class JudgedFeedback:
    """``shared/judged``: how a program orders episodes that judges compared: people, or a model.

    Attributes:
        pairs: number of pairs of which one episode was called better.
        kept: of these, how many the program orders in the same way.
        problem: the error of the program on these episodes; empty if there was none.
        episodes: the better and the worse episode of the pair that it violates the most; empty
            where it violates none.
        words: what was said about that pair; may be empty.
        returns: discounted returns of these two episodes under the program.
    """

    pairs: int
    kept: float
    problem: str = ""
    episodes: Sequence[EpisodeSummary] = ()
    words: str = ""
    returns: Sequence[float] = ()


Side = Literal["better", "worse", "same"]


class Said(NamedTuple):
    """What a judge said, and which of the two the program was."""

    side: Side
    words: str


@dataclass(frozen=True)
class ChoiceFeedback:
    """``shared/choice``: how a program's agents did in comparisons by judges.

    Attributes:
        won, lost, same: comparisons with agents of other programs.
        standing: among the programs that were compared; None if it was not compared.
        said: the last things that judges said about comparisons with it.

    The others are those of :class:`CurveSummary`, of the terms alone.
    """

    won: int
    lost: int
    same: int
    standing: Standing | None
    said: Sequence[Said]
    columns: list[str]
    rows: list[CurveLine]


@dataclass(frozen=True)
class UserFeedback:
    """``shared/user``: comments of the user."""

    said: list[str]


@dataclass(frozen=True)
class FindingFeedback:
    """``shared/findings`` and ``shared/failed_round``: findings of the check, as text."""

    findings: Sequence[str]


Feedback = (
    ProcessFeedback
    | TrajectoryFeedback
    | SubgoalFeedback
    | AuditFeedback
    | ExploitFeedback
    | AblationFeedback
    | PriorFeedback
    | PreferenceFeedback
    | JudgedFeedback
    | ChoiceFeedback
    | UserFeedback
    | FindingFeedback
)
