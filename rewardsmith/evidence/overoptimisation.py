"""Over-optimisation of a reward: trainings whose return still rises while the fitness falls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.learned.overoptimisation import parting_step
from rewardsmith.run.curves import CurveRow
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState


def overoptimised(run: RunFolder, state: RunState, program: str) -> str:
    """A sentence if that happens in at least half of a program's trainings; empty otherwise.

    Trainings of the report count if there are any, else those of the selection.
    """
    trials = state.trials_of(program, "report") or state.trials_of(program, "selection")
    curves = [run.trial(trial).curve() for trial in trials if trial.status == "finished"]
    found = [step for step in map(best_before_parting, curves) if step is not None]
    if not found or 2 * len(found) < len(curves):
        return ""
    return (
        f"in {len(found)} of {len(curves)} trainings the fitness fell after about "
        f"{np.median(found):,.0f} steps, while the return under this reward still rose: the agents "
        "exploit an error of the reward"
    )


def best_before_parting(curve: Sequence[CurveRow]) -> int | None:
    """The steps of a training at its best fitness, if return and fitness part after it."""
    rows = [row for row in curve if row.own_return is not None and row.fitness is not None]
    returns = np.array([row.own_return for row in rows], np.float64)
    place = parting_step(returns, np.array([row.fitness for row in rows], np.float64))
    return rows[place].steps if place is not None else None
