"""Which trained policy is exported, and which ones are filmed."""

from __future__ import annotations

from rewardsmith.program import NATIVE
from rewardsmith.run.best import filmed_trials, shipped_trial
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.state import RunState

PROGRAM = "0123456789ab"


def finished(
    seed: int, fitness: float, validation: float, own: float, rung: str = "report"
) -> TrialState:
    return TrialState(
        program=PROGRAM, seed=seed, rung=rung, status="finished",
        fitness=fitness, validation=validation, own_return=own,
    )  # fmt: skip


def state_of(*trials: TrialState) -> RunState:
    return RunState(trials={trial.key: trial for trial in trials})


def test_validation_fitness_decides_and_not_the_own_return() -> None:
    exploits = finished(1000, fitness=0.0, validation=0.0, own=256.0)
    solves = finished(1001, fitness=0.97, validation=0.98, own=60.0)
    assert shipped_trial(state_of(exploits, solves), PROGRAM) == solves


def test_the_reported_fitness_does_not_decide() -> None:
    lucky = finished(1000, fitness=0.99, validation=0.5, own=60.0)
    valid = finished(1001, fitness=0.90, validation=0.9, own=60.0)
    assert shipped_trial(state_of(lucky, valid), PROGRAM) == valid


def test_report_trials_come_before_selection_trials_and_failed_ones_never() -> None:
    selected = finished(0, fitness=0.99, validation=0.99, own=60.0, rung="selection")
    reported = finished(1000, fitness=0.5, validation=0.5, own=60.0)
    broken = TrialState(program=PROGRAM, seed=1001, rung="report", status="program_failed")
    assert shipped_trial(state_of(selected, reported, broken), PROGRAM) == reported
    assert shipped_trial(state_of(selected, broken), PROGRAM) == selected


def test_equal_validation_fitness_goes_to_the_higher_own_return_then_to_the_lower_seed() -> None:
    low, high, later = (
        finished(n, 0.9, 0.9, own) for n, own in ((1000, 1.0), (1001, 2.0), (1002, 2.0))
    )
    assert shipped_trial(state_of(low, high, later), PROGRAM) == high


def test_the_exported_the_median_and_the_worst_policy_are_filmed_each_once() -> None:
    worst, middle, best = (
        finished(1000 + n, fit, fit, 1.0) for n, fit in enumerate((0.1, 0.5, 0.9))
    )
    native = finished(1000, 0.0, 0.0, 1.0).model_copy(update={"program": NATIVE})
    films = filmed_trials(state_of(worst, middle, best, native), PROGRAM)
    assert list(films.values()) == [best, worst, middle, native]
    assert "exported" in next(iter(films)) and "native" in [*films][-1]
    alone = filmed_trials(state_of(best), PROGRAM)
    assert list(alone.values()) == [best] and "exported" in next(iter(alone))
