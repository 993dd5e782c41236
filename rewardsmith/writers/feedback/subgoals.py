"""Feedback on subgoals: when each comes true, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rewardsmith.evidence.subgoals import Reached
from rewardsmith.run.records import SubgoalSummary

Played = tuple[Mapping[str, Sequence[int | None]], Sequence[bool] | None]
"""Of some episodes: subgoal -> step in which each reached it, and whether each succeeded."""


def subgoal_summaries(found: Sequence[Reached]) -> list[SubgoalSummary]:
    """The rows of the template ``shared/subgoals``."""
    return [SubgoalSummary(**one._asdict(), bound=one.bound, trust=one.trust) for one in found]


def played_rows(trainings: Sequence[Played]) -> list[dict[str, Any]]:
    """When trained agents reached each subgoal.

    Args:
        trainings: what each training's evaluation episodes came to.

    Returns:
        Per subgoal: ``name``, ``share`` of all episodes, of ``failures`` (None where there are
            none), median ``step``.
    """
    rows = []
    for name in dict.fromkeys(name for steps, _ in trainings for name in steps):
        found = [
            (step, won)
            for steps, successes in trainings
            for step, won in zip(steps[name], successes or [False] * len(steps[name]), strict=True)
        ]
        had, lost = (
            [step for step, _ in found if step is not None],
            [step for step, won in found if not won],
        )
        rows.append(
            {
                "name": name,
                "share": len(had) / len(found),
                "failures": sum(step is not None for step in lost) / len(lost) if lost else None,
                "step": float(np.median(had)) if had else None,
            }
        )
    return rows
