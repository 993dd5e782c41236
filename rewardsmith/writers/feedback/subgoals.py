"""Feedback on subgoals: when each becomes true, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.writers.feedback.records import ReachSummary


class SubgoalSteps(NamedTuple):
    """When the evaluation episodes of a training reached their subgoals.

    Attributes:
        steps: subgoal -> step in which each episode reached it; None where it did not.
        successes: of each episode; None where the task defines no success.
    """

    steps: Mapping[str, Sequence[int | None]]
    successes: Sequence[bool] | None


def reach_summaries(trainings: Sequence[SubgoalSteps]) -> list[ReachSummary]:
    """When trained agents reached each subgoal, over the episodes of all trainings."""
    names = dict.fromkeys(name for training in trainings for name in training.steps)
    return [_reach_summary(name, trainings) for name in names]


def _reach_summary(name: str, trainings: Sequence[SubgoalSteps]) -> ReachSummary:
    found: list[tuple[int | None, bool]] = []
    for steps, successes in trainings:
        found += zip(steps[name], successes or [False] * len(steps[name]), strict=True)
    reached = [step for step, _ in found if step is not None]
    failures = [step for step, success in found if not success]
    among_failures = sum(step is not None for step in failures)
    return ReachSummary(
        name=name,
        share=len(reached) / len(found),
        failures=among_failures / len(failures) if failures else None,
        step=float(np.median(reached)) if reached else None,
    )
