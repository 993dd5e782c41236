"""Subgoals on the page: whether each may be trusted, and when each evaluation episode was paid for it."""

from __future__ import annotations

import json
from typing import Any

from rewardsmith.run.folder import RunFolder
from rewardsmith.run.records import read_audit, shown_trial
from rewardsmith.run.state import RunState

_TRUST = {
    "labels": "the task's labels",
    "judge": "a model that was shown the steps",
    "behaviour": "known behaviour",
    "nothing": "nothing yet: no success is known",
}


def subgoal_facts(run: RunFolder, state: RunState, program: str) -> dict[str, Any] | None:
    """Of a program with subgoals: ``audit`` rows, the ``names``, and per evaluation episode when each was reached.

    None where there are none, or no agent was trained for them.
    """
    trial = shown_trial(state, program)
    path = (
        None if trial is None else run.trial_folder(program, trial.rung, trial.seed) / "result.json"
    )
    result = (
        json.loads(path.read_text(encoding="utf-8")) if path is not None and path.exists() else {}
    )
    reached: dict[str, list[int | None]] = result.get("reached") or {}
    if not reached:
        return None
    successes = result["successes"] or [None] * len(result["fitness"])
    episodes = [
        {"won": won, "steps": [steps[number] for steps in reached.values()]}
        for number, won in enumerate(successes)
    ]
    audit = read_audit(run, program) or {"rows": []}
    rows = [{**row, "evidence": _TRUST[row["trust"]]} for row in audit["rows"]]
    return {
        "names": list(reached),
        "episodes": episodes,
        "audit": rows,
        "concerns": audit.get("concerns", []),
    }
