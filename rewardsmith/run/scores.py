"""Scores of a run and their differences."""

from __future__ import annotations

from collections.abc import Mapping

from rewardsmith.maths.statistics import paired_difference
from rewardsmith.program import NATIVE
from rewardsmith.run.state import RunState
from rewardsmith.types import Interval


def final_score(state: RunState, program: str) -> tuple[str, Interval | None]:
    """The rung of a program's score and the score: of the report, else of the selection.

    The score is None where a training of the selection did not finish.
    """
    reported = state.score(program, "report")
    if reported is not None:
        return "report", reported
    return "selection", state.score(program, "selection")


def fitness_by_seed(state: RunState, program: str, rung: str) -> dict[int, float]:
    """Training seed -> fitness of the trials that finished."""
    trials = state.trials_of(program, rung)
    return {trial.seed: trial.fitness for trial in trials if trial.fitness is not None}


def seed_difference(one: Mapping[int, float], other: Mapping[int, float]) -> Interval | None:
    """Mean of ``one - other`` over the training seeds of both; None if they share none."""
    seeds = sorted(one.keys() & other.keys())
    if not seeds:
        return None
    first = [one[seed] for seed in seeds]
    second = [other[seed] for seed in seeds]
    return paired_difference(first, second)


def native_difference(state: RunState, program: str, rung: str = "report") -> Interval | None:
    """Fitness of a program minus that of the native reward, paired by training seed.

    None unless both were trained on the same seeds to the end: a mean over only the seeds that
    finished would be too optimistic.
    """
    own, native = (fitness_by_seed(state, name, rung) for name in (program, NATIVE))
    trained = [len(state.trials_of(name, rung)) for name in (program, NATIVE)]
    if own.keys() != native.keys() or trained != [len(own), len(native)]:
        return None
    return seed_difference(own, native)
