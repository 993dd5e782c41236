"""Runs side by side, and the significance of their differences."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.errors import UsageError
from rewardsmith.evidence.appraisal import appraise_in_run
from rewardsmith.run.best import Best, best_program
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.scores import fitness_by_seed, seed_difference
from rewardsmith.run.state import RunState
from rewardsmith.run.wording import cost, proof
from rewardsmith.types import Difference, Interval


@dataclass(frozen=True)
class ComparedRun:
    """One row of a comparison.

    Attributes:
        run: name of the run.
        written_by: the writer of its programs.
        program: id of its best program.
        rung: the seeds that the scores come from, report or selection.
        fitness: fitness of the best program.
        native: fitness of the native reward on the same seeds; None without a report.
        tokens: tokens that the run used.
        cost: the money that it spent, in words.
        steps: environment steps that it trained and evaluated.
        active_s: seconds during which it was active.
        difference: fitness minus that of the first run, paired by report seed; None for the first
            run, and without a report of both.
        apart, apart_epic: STARC and EPIC distance of its reward to that of the first run; None
            where they cannot be measured.
        proof: whether the difference is significant, in words; empty for the first run.
    """

    run: str
    written_by: str
    program: str
    rung: str
    fitness: Interval
    native: Interval | None
    tokens: int
    cost: str
    steps: int
    active_s: float
    difference: Difference | None
    apart: float | None
    apart_epic: float | None
    proof: str


def compared(runs: Sequence[RunFolder]) -> list[ComparedRun]:
    """Compare runs with the first of them.

    Raises:
        UsageError: fewer than two runs, or of different tasks: their fitness means different
            things.
        NoProgram: one has no program with a score.
    """
    if len(runs) < 2:
        raise UsageError("one run cannot be compared", "name two or more: rewardsmith list")
    tasks = {run.manifest()["task_digest"]: run.config().task for run in runs}
    if len(tasks) > 1:
        raise UsageError(
            f"the runs are of different tasks: {', '.join(tasks.values())}",
            "compare runs of one task",
        )
    return [_row(run, runs[0]) for run in runs]


def program_difference(one: Best, other: Best, names: tuple[str, str]) -> str:
    """The best programs of two runs, as a diff."""
    before, after = one.source.splitlines(), other.source.splitlines()
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))


def _row(run: RunFolder, first: RunFolder) -> ComparedRun:
    state = fold(run.events())
    best = best_program(run, state)
    difference: Difference | None = None
    apart: tuple[float | None, float | None] = (None, None)
    if run.path != first.path:
        begun = fold(first.events())
        other = best_program(first, begun)
        difference = _difference((state, best.id), (begun, other.id))
        apart = _apart(run, state, best.id, (first, other.id))
    return ComparedRun(
        run.name,
        run.config().written_by,
        best.id,
        best.rung,
        best.score,
        best.native,
        state.tokens,
        cost(state) if state.tokens else "nothing",
        state.steps,
        round(state.active_s, 3),
        difference,
        *apart,
        proof="" if run.path == first.path else proof(difference),
    )


def _apart(
    run: RunFolder, state: RunState, program: str, other: tuple[RunFolder, str]
) -> tuple[float | None, float | None]:
    """STARC and EPIC distance of two programs, on the recorded episodes of the run."""
    found = appraise_in_run(run, state, program, other)
    if found is None:
        return None, None
    return found.quality.from_parent, found.quality.epic_from_parent


def _difference(own: tuple[RunState, str], other: tuple[RunState, str]) -> Difference | None:
    """Fitness of a program minus that of another's, on the report seeds of both."""
    ours, others = (fitness_by_seed(state, program, "report") for state, program in (own, other))
    return seed_difference(ours, others, own[0].fitness_range)
