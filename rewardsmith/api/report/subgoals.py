"""The subgoals of the report: their evidence, and when each episode reached them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.run.best import shipped_trial
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.records import AuditRecord, SubgoalStatistics, Trust
from rewardsmith.run.state import RunState

_EVIDENCE: dict[Trust, str] = {
    "labels": "the task's labels",
    "judge": "a model that was shown the steps",
    "behaviour": "recorded episodes",
    "nothing": "none yet: no success is recorded",
}


@dataclass(frozen=True)
class ReachedSubgoals:
    """An evaluation episode: whether it is a success, and the step of each subgoal."""

    won: bool | None
    steps: Sequence[int | None]


@dataclass(frozen=True)
class SubgoalFacts:
    """The subgoals of a program.

    Attributes:
        names: in the order of the steps of ``episodes``.
        audit: statistics of each subgoal on recorded episodes.
        evidence: kind of evidence -> the same in words.
    """

    names: Sequence[str]
    episodes: Sequence[ReachedSubgoals]
    audit: Sequence[SubgoalStatistics]
    evidence: dict[Trust, str]
    concerns: Sequence[str]


def subgoal_facts(run: RunFolder, state: RunState, program: str) -> SubgoalFacts | None:
    """The subgoals of a program; None where there are none, or no agent was trained for them."""
    result = run.trial(shipped_trial(state, program)).result()
    if result is None or not result.reached:
        return None
    successes: Sequence[bool | None] = result.successes or [None] * len(result.fitness)
    steps = zip(*result.reached.values(), strict=True)  # of each episode
    episodes = list(map(ReachedSubgoals, successes, steps))
    audit = run.audit(program) or AuditRecord()
    return SubgoalFacts(list(result.reached), episodes, audit.rows, _EVIDENCE, audit.concerns)
