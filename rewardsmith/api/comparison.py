"""Runs side by side, and what their difference proves."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from rewardsmith.api.runs import Run
from rewardsmith.errors import UsageError
from rewardsmith.evidence.appraisal import appraise_in_run
from rewardsmith.maths.statistics import paired_difference
from rewardsmith.run.state import RunState
from rewardsmith.run.wording import cost, interval_json
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
    found = (
        _difference(state, best.id, first.state, first.best.id) if run.path != first.path else None
    )
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
        "difference": interval_json(found),
        **_apart(run, first),
        "proof": "" if run.path == first.path else _proves(found),
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


def _difference(
    state: RunState, program: str, other_state: RunState, other: str
) -> Interval | None:
    """Fitness of a program minus that of another, over the report seeds that both have."""
    fitness = [
        {t.seed: t.fitness for t in found.trials_of(name, "report") if t.fitness is not None}
        for found, name in ((state, program), (other_state, other))
    ]
    seeds = sorted(fitness[0].keys() & fitness[1].keys())
    return (
        paired_difference([fitness[0][s] for s in seeds], [fitness[1][s] for s in seeds])
        if seeds
        else None
    )


def _proves(found: Interval | None) -> str:
    if found is None:
        return "no report seed in common"
    if found.low is None or found.high is None:
        return "one seed proves nothing"
    word = "better" if found.low > 0 else "worse" if found.high < 0 else ""
    return f"{word} by {found}" if word else f"{found} proves nothing"
