"""Trajectory preference evaluation: the published variants, and properties of every reward."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.maths.preference import agreement, better_half, trajectory_scores

SUCCESSES = np.array([True] * 5 + [False] * 2)
FITNESS = SUCCESSES.astype(float)
SCORES = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 4.5])


@pytest.mark.parametrize(
    ("rule", "share"), [("pairs", 0.6), ("above-best-failure", 0.2), ("min-max", 0.0)]
)
def test_three_readings_of_one_sentence(rule: str, share: float) -> None:
    """The paper's definition, its prose and its code differ on the same scores."""
    kept = agreement(SCORES, FITNESS, SUCCESSES, rule)  # type: ignore[arg-type]
    assert (
        kept is not None and math.isclose(kept.share, share) and (kept.better, kept.worse) == (5, 2)
    )


def test_a_long_failure_has_a_higher_return_and_a_lower_mean_reward() -> None:
    rewards, lengths = np.concatenate([np.full(20, 0.9), np.full(500, 0.1)]), np.array([20, 500])
    assert np.allclose(trajectory_scores(rewards, lengths, "sum"), [18.0, 50.0])
    assert np.allclose(trajectory_scores(rewards, lengths, "mean"), [0.9, 0.1])
    discounted = trajectory_scores(rewards, lengths, "discounted", 0.9)
    assert np.allclose(discounted, [0.9 * (1 - 0.9**20) / 0.1, 0.1 * (1 - 0.9**500) / 0.1])


def test_what_is_no_number_is_out_of_order() -> None:
    kept = agreement(
        np.array([np.nan, 2.0, 1.0]),
        np.array([1.0, 1.0, 0.0]),
        np.array([True, True, False]),
        "pairs",
    )
    assert kept is not None and kept.share == 0.5
    kept = agreement(
        np.array([3.0, 2.0, np.inf]),
        np.array([1.0, 1.0, 0.0]),
        np.array([True, True, False]),
        "pairs",
    )
    assert kept is not None and kept.share == 0.0


def test_without_contrast_nothing_is_said() -> None:
    scores = np.arange(3.0)
    every = np.ones(3, bool)
    for rule in ("pairs", "above-best-failure", "min-max"):
        assert agreement(scores, np.ones(3), every, rule) is None  # type: ignore[arg-type]
        assert agreement(np.zeros(0), np.zeros(0), None, rule) is None  # type: ignore[arg-type]
    assert agreement(scores, np.arange(3.0), every, "above-best-failure") is None
    graded = agreement(scores, np.arange(3.0), every, "pairs")
    assert graded is not None and graded.share == 1.0


def test_a_graded_fitness_counts_pairs_that_differ() -> None:
    fitness = np.array(
        [0.0, 0.05, 0.5, 1.0]
    )  # the first two differ by less than a tenth of the range
    kept = agreement(np.array([1.0, 0.0, 2.0, 3.0]), fitness, None, "pairs")
    assert kept is not None and kept.share == 1.0
    better = better_half(fitness, None)
    assert better is not None and better.tolist() == [False, False, False, True]


numbers = st.lists(st.integers(-50, 50), min_size=4, max_size=20)


@given(numbers, st.randoms(use_true_random=False), st.floats(0.1, 10), st.floats(-5, 5))
def test_only_the_order_counts(
    values: list[int], draws: object, scale: float, shift: float
) -> None:
    scores = np.array(values, float)
    fitness = np.array([draws.random() for _ in values])  # type: ignore[attr-defined]
    for successes in (None, fitness > 0.5):
        kept = agreement(scores, fitness, successes, "pairs")
        stretched = agreement(scale * scores + shift, fitness, successes, "pairs")
        turned = agreement(-scores, fitness, successes, "pairs")
        if kept is None:
            assert stretched is None and turned is None
        else:
            assert stretched is not None and math.isclose(stretched.share, kept.share)
            assert turned is not None and math.isclose(turned.share, 1 - kept.share, abs_tol=1e-12)


@given(numbers)
def test_the_rules_are_ordered(values: list[int]) -> None:
    """If every success is above every failure, each is above the best failure and all pairs are in order."""
    scores = np.array(values, float)
    successes = np.arange(len(scores)) % 2 == 0
    shares = []
    for rule in ("min-max", "above-best-failure", "pairs"):
        kept = agreement(scores, successes.astype(float), successes, rule)  # type: ignore[arg-type]
        assert kept is not None
        shares.append(kept.share)
    assert shares == sorted(shares)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 99))
def test_scores_are_those_of_each_trajectory_alone(lengths: list[int], seed: int) -> None:
    rewards = np.random.default_rng(seed).normal(size=sum(lengths))
    parts = np.split(rewards, np.cumsum(lengths)[:-1])
    for measure, alone in (
        ("sum", [part.sum() for part in parts]),
        ("mean", [part.mean() for part in parts]),
        ("discounted", [(part * 0.9 ** np.arange(len(part))).sum() for part in parts]),
    ):
        assert np.allclose(trajectory_scores(rewards, np.array(lengths), measure, 0.9), alone)  # type: ignore[arg-type]
