"""The subgoals of the report: their evidence, and when each episode reached them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rewardsmith.run.best import shown_trial
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.records import AuditRecord
from rewardsmith.run.state import RunState

_TRUST = {
    "labels": "the task's labels",
    "judge": "a model that was shown the steps",
    "behaviour": "recorded episodes",
    "nothing": "none yet: no success is recorded",
}


def subgoal_facts(run: RunFolder, state: RunState, program: str) -> dict[str, Any] | None:
    """The ``audit`` rows, the ``names``, and per evaluation episode when each was reached.

    None where there are none, or no agent was trained for them.
    """
    trial = shown_trial(state, program)
    result = run.trial(trial).result() if trial is not None else None
    if result is None or not result.reached:
        return None
    successes: Sequence[bool | None] = result.successes or [None] * len(result.fitness)
    by_episode = zip(*result.reached.values(), strict=True)
    episodes = [
        {"won": won, "steps": steps} for won, steps in zip(successes, by_episode, strict=True)
    ]
    audit = run.audit(program) or AuditRecord()
    rows = [{**row.model_dump(), "evidence": _TRUST[row.trust]} for row in audit.rows]
    return {
        "names": list(result.reached),
        "episodes": episodes,
        "audit": rows,
        "concerns": audit.concerns,
    }
