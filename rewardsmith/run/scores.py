"""Scores of a run and their differences."""

from __future__ import annotations

from collections.abc import Mapping

from rewardsmith.maths.statistics import (
    interval,
    paired_difference,
    seed_summary,
    unpaired_difference,
)
from rewardsmith.program import NATIVE
from rewardsmith.run.state import RunState
from rewardsmith.types import Difference, Interval, SeedSummary


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


def seed_difference(
    one: Mapping[int, float],
    other: Mapping[int, float],
    within: tuple[float, float] | None = None,
) -> Difference | None:
    """Mean of ``one - other`` over the training seeds of both; None if they share none.

    Args:
        within: lowest and highest possible fitness, where they are known.
    """
    seeds = sorted(one.keys() & other.keys())
    if not seeds:
        return None
    first = [one[seed] for seed in seeds]
    second = [other[seed] for seed in seeds]
    return paired_difference(first, second, within)


def score_difference(
    one: Mapping[int, float],
    other: Mapping[int, float],
    within: tuple[float, float] | None = None,
) -> Difference | None:
    """Mean fitness of one program minus that of another, paired by training seed if they share any.

    None if one has no fitness.
    """
    paired = seed_difference(one, other, within)
    if paired is not None or not one or not other:
        return paired
    return unpaired_difference([*one.values()], [*other.values()], within)


def seeds_of(
    state: RunState, program: str, rung: str, solved_from: float | None
) -> SeedSummary | None:
    """The training seeds of a score one by one; None without a score.

    Args:
        solved_from: fitness at which the task counts as solved.
    """
    if state.score(program, rung) is None:
        return None
    return seed_summary([*fitness_by_seed(state, program, rung).values()], solved_from)


def native_difference(state: RunState, program: str, rung: str = "report") -> Difference | None:
    """Fitness of a program minus that of the native reward, paired by training seed.

    None unless both were trained on the program's seeds to the end: a mean over only the seeds that
    finished would be too optimistic.
    """
    own, native = fitness_by_seed(state, program, rung), _native_fitness(state, program, rung)
    if native is None or len(own) != len(state.trials_of(program, rung)):
        return None
    return seed_difference(own, native, state.fitness_range)


def transfer_scores(state: RunState, program: str) -> tuple[Interval, Interval] | None:
    """Fitness of another algorithm with the program and with the native reward; None without it."""
    own, native = state.score(program, "transfer"), state.score(NATIVE, "transfer")
    return (own, native) if own is not None and native is not None else None


def native_score(state: RunState, program: str, rung: str) -> Interval | None:
    """Fitness of the native reward on the training seeds of a program; None unless all finished."""
    fitness = _native_fitness(state, program, rung)
    return interval([*fitness.values()], state.fitness_range) if fitness else None


def _native_fitness(state: RunState, program: str, rung: str) -> dict[int, float] | None:
    seeds = [trial.seed for trial in state.trials_of(program, rung)]
    found = fitness_by_seed(state, NATIVE, rung)
    return {seed: found[seed] for seed in seeds} if found.keys() >= set(seeds) else None
