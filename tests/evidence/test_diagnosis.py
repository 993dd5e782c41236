"""Diagnosis: each planted cause of failure gets its lever, and success gets none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rewardsmith.evidence.diagnosis import (
    Known,
    Lever,
    Training,
    diagnose,
    farmed,
    fields_are_telling,
)
from rewardsmith.run.curves import CurveRow

POINTS = 40
ZERO, RISING = np.zeros(POINTS), np.linspace(0.0, 1.0, POINTS)
SATURATED = np.minimum(4 * RISING, 1.0)  # learned in the first quarter
NOISE = np.random.default_rng(0).normal(0.0, 1.0, POINTS)
KNOWN = Known(random=0.0, solved=1.0, reached=True)


def training(
    own: Sequence[float] | np.ndarray,
    fitness: Sequence[float] | np.ndarray,
    final: float,
    success: Sequence[float] | np.ndarray | None = None,
    final_success: float | None = None,
) -> Training:
    rates = success if success is not None else [None] * POINTS
    curve = [
        CurveRow(
            100 * n, episodes=1, own_return=float(own[n]), fitness=float(fitness[n]), success=rate
        )
        for n, rate in enumerate(rates)
    ]
    return Training(curve, final, final_success)


CASES: dict[Lever, tuple[Training, Known]] = {
    # the reward is paid at the goal only, which no agent reached
    "exploration": (training(ZERO, ZERO, 0.0), Known(0.0, 1.0, reached=False)),
    # the fitness depends on what no field shows
    "observation": (training(RISING, 0.2 * RISING, 0.2), Known(0.0, 1.0, True, telling=False)),
    # a dense reward whose return only fluctuates
    "learning": (training(NOISE, 0.1 * np.abs(NOISE), 0.1), KNOWN),
    # more and more reward, no more fitness
    "reward": (training(RISING, 0.3 + 0 * RISING, 0.3), KNOWN),
    # the fitness follows, and the training ends on the way
    "steps": (training(RISING, 0.6 * RISING, 0.6), KNOWN),
    # exploring agents succeed, the deterministic policy does not
    "noise": (training(SATURATED, 0.9 * SATURATED, 0.2, 0.9 * SATURATED, 0.1), KNOWN),
}  # fmt: skip


@pytest.mark.parametrize("lever", CASES)
def test_each_planted_cause_gets_its_lever(lever: Lever) -> None:
    failed, known = CASES[lever]
    found = diagnose([failed] * 3, known)
    assert found is not None and found.lever == lever
    assert "solved at 1" in found.text and len(found.text) < 500


def test_some_seeds_only_is_variance_with_the_reason_of_the_others() -> None:
    solved = training(SATURATED, SATURATED, 1.0)
    found = diagnose([solved, solved, CASES["steps"][0]], KNOWN)
    assert found is not None and found.lever == "variance"
    assert "1 of 3 training seeds do not solve the task (0.6)" in found.text
    assert "still rose" in found.text


def test_success_on_every_seed_is_no_failure() -> None:
    assert diagnose([training(SATURATED, SATURATED, 1.0)] * 2, KNOWN) is None
    assert diagnose([], KNOWN) is None


def test_the_cause_of_most_failed_seeds_counts() -> None:
    failed = [CASES["steps"][0], CASES["steps"][0], CASES["reward"][0]]
    found = diagnose(failed, KNOWN)
    assert found is not None and found.lever == "steps"


def test_a_return_is_farmed_if_most_trainings_raise_it_without_fitness() -> None:
    hollow, sound = CASES["reward"][0].curve, CASES["steps"][0].curve
    assert farmed([hollow, hollow, sound]) and not farmed([hollow, sound]) and not farmed([])


def episodes(goes_with: bool, count: int = 60) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Episodes of different lengths with two fields, and their fitness."""
    rng = np.random.default_rng(3)
    lengths = rng.integers(5, 20, count)
    fitness = rng.uniform(0.0, 1.0, count)
    hidden = np.repeat(fitness, lengths)
    shown = hidden + rng.normal(0, 0.2, len(hidden)) if goes_with else rng.normal(size=len(hidden))
    return [shown, rng.normal(size=(len(hidden), 3))], lengths, fitness


def test_a_field_that_goes_with_fitness_is_found_and_noise_is_not() -> None:
    assert fields_are_telling(*episodes(goes_with=True))
    assert not fields_are_telling(*episodes(goes_with=False))


def test_few_episodes_say_nothing_about_fields() -> None:
    columns, lengths, fitness = episodes(goes_with=False, count=10)
    assert fields_are_telling(columns, lengths, fitness)
