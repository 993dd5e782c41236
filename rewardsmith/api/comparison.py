"""Runs side by side, and what their difference proves."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from rewardsmith.api.runs import Run
from rewardsmith.errors import UsageError
from rewardsmith.evidence.appraisal import appraise_in_run
from rewardsmith.run.scores import fitness_by_seed, interval_json, seed_difference
from rewardsmith.run.wording import cost, proof
from rewardsmith.types import Interval


def comparison_json(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One row a run; ``difference`` is that to the first run, paired by report seed.

    ``apart`` and ``apart_epic`` are STARC and EPIC distance of its reward to that of the first run.

    Raises:
        UsageError: fewer than two runs, or of different tasks: their fitness means different
            things.
        NoProgram: one has no program with a score.
    """
    if len(runs) < 2:
        raise UsageError("one run cannot be compared", "name two or more: rewardsmith list")
    tasks = {run.folder.manifest()["task_digest"]: run.folder.config().task for run in runs}
    if len(tasks) > 1:
        raise UsageError(
            f"the runs are of different tasks: {', '.join(tasks.values())}",
            "compare runs of one task",
        )
    return [_row(run, runs[0]) for run in runs]


def program_difference(one: Run, other: Run) -> str:
    """The best programs of two runs, as a diff."""
    before, after = (run.best.source.splitlines() for run in (one, other))
    return "\n".join(
        difflib.unified_diff(before, after, one.folder.name, other.folder.name, lineterm="")
    )


def _row(run: Run, first: Run) -> dict[str, Any]:
    state, best = run.state, run.best
    difference = _difference(run, first) if run.path != first.path else None
    return {
        "run": run.folder.name,
        "written_by": run.folder.config().written_by,
        "program": best.id,
        "rung": best.rung,
        "fitness": interval_json(best.score),
        "native": interval_json(best.native),
        "tokens": state.tokens,
        "cost": cost(state) if state.tokens else "nothing",
        "steps": state.steps,
        "active_s": round(state.active_s, 3),
        "difference": interval_json(difference),
        **_apart(run, first),
        "proof": "" if run.path == first.path else proof(difference),
    }


def _apart(run: Run, first: Run) -> dict[str, float | None]:
    """Distances of the best program to that of the first run, on what is known in its own run."""
    found = None
    if run.path != first.path:
        found = appraise_in_run(run.folder, run.state, run.best.id, (first.folder, first.best.id))
    starc, epic = (
        (found.quality.from_parent, found.quality.epic_from_parent)
        if found is not None
        else (None, None)
    )
    return {"apart": starc, "apart_epic": epic}


def _difference(run: Run, other: Run) -> Interval | None:
    """Fitness of the best program of a run minus that of another's, on the report seeds of both."""
    own, others = (fitness_by_seed(each.state, each.best.id, "report") for each in (run, other))
    return seed_difference(own, others)
