"""The program that a run chose, with its score."""

from __future__ import annotations

from dataclasses import dataclass

from rewardsmith.errors import NoProgram
from rewardsmith.program import NATIVE
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState
from rewardsmith.types import Interval


@dataclass(frozen=True)
class Best:
    """The program that a run chose.

    Attributes:
        score: fitness over the report seeds where there are some, else over the selection seeds.
        native: fitness of the native reward under the same training, on the same seeds; None
            without a report.
        rung: which seeds the score comes from.
    """

    id: str
    source: str
    score: Interval
    native: Interval | None
    rung: str


def best_program(run: RunFolder, state: RunState) -> Best:
    """The program with the best selection score.

    Raises:
        NoProgram: no program was accepted and trained to the end.
    """
    ranked = state.ranked()
    if not ranked:
        raise NoProgram(f"{run.name} has no program with a score", why_none(state))
    program = ranked[0]
    reported = state.score(program, "report")
    score = reported if reported is not None else state.score(program)
    assert score is not None
    rung = "report" if reported is not None else "selection"
    return Best(program, run.program(program).source, score, state.score(NATIVE, rung), rung)


def why_none(state: RunState) -> str:
    """What the user can do about a run without a result."""
    refused = [finding for slot in state.slots.values() for finding in slot.findings]
    failed = [trial.message for trial in state.trials.values() if trial.message]
    reasons = list(dict.fromkeys(failed + refused))
    if reasons:
        return f"first reason: {reasons[0]}"
    return f"it stopped because {state.stopped}" if state.stopped else "resume it"
