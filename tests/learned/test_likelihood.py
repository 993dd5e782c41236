"""The probability of a preference, and the scores of segments that it compares."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.errors import UsageError
from rewardsmith.learned.likelihood import (
    calibration_error,
    pair_accuracy,
    preference_loss,
    preference_probability,
    segment_scores,
)

scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8)
noises = st.floats(0, 1)


@given(scores, st.randoms(use_true_random=False), noises)
def test_probabilities_of_a_pair_and_of_the_same_pair_swapped_sum_to_1(
    one: list[float], draws: object, noise: float
) -> None:
    first = np.array(one)
    second = first + np.array([draws.gauss(0, 3) for _ in one])  # type: ignore[attr-defined]
    there = preference_probability(first, second, noise)
    back = preference_probability(second, first, noise)
    assert np.allclose(there + back, 1) and (there >= noise / 2 - 1e-12).all()
    assert (
        ((there >= 0.5 - 1e-12) == (first >= second)).all()
        or noise > 0.999
        or np.isclose(there, 0.5).any()
    )
    assert np.allclose(preference_probability(first, first, noise), 0.5)


def test_known_probabilities() -> None:
    first, second = np.array([0.0, math.log(3), 1e4]), np.zeros(3)
    assert np.allclose(preference_probability(first, second), [0.5, 0.75, 1.0])
    assert np.allclose(preference_probability(first, second, noise=0.2), [0.5, 0.7, 0.9])
    assert preference_probability(np.array([0.0]), np.array([1e4]))[0] == pytest.approx(
        math.exp(-50)
    )


def test_the_loss_is_finite_far_from_equality() -> None:
    far, zero, wrong = np.array([1e4]), np.zeros(1), np.zeros(1)
    assert preference_loss(far, zero, wrong) == pytest.approx(50.0)
    assert preference_loss(far, zero, 1 - wrong) == pytest.approx(0.0, abs=1e-12)
    assert preference_loss(zero, zero, np.array([0.5])) == pytest.approx(math.log(2))
    weighted = preference_loss(
        np.array([0.0, 1e4]), np.zeros(2), np.array([1.0, 0.0]), np.array([1.0, 0.0])
    )
    assert weighted == pytest.approx(math.log(2))


def test_scores_of_the_three_forms() -> None:
    rewards, lengths = np.array([1.0, 2.0, 3.0, 4.0]), np.array([3, 1])
    assert np.allclose(segment_scores(rewards, lengths), [6, 4])
    assert np.allclose(segment_scores(rewards, lengths, gamma=0.5), [1 + 1 + 0.75, 4])
    assert np.allclose(segment_scores(rewards, lengths, "final"), [3, 4])
    values = np.array([[1.0, 8.0], [2.0, 0.0]])
    assert np.allclose(
        segment_scores(rewards, lengths, "regret", 0.5, values), [2.75 + 1 - 1, 4 - 2]
    )
    with pytest.raises(UsageError, match=r"shape \(2, 2\), found none"):
        segment_scores(rewards, lengths, "regret")


def deterministic_world(
    rng: np.random.Generator, states: int = 6, actions: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Rewards (s, a) and the next state of each action."""
    return rng.normal(size=(states, actions)), rng.integers(states, size=(states, actions))


def best_values(rewards: np.ndarray, after: np.ndarray, gamma: float) -> np.ndarray:
    values = np.zeros(len(rewards))
    for _ in range(2000):
        values = (rewards + gamma * values[after]).max(axis=1)
    return values


@pytest.mark.parametrize("gamma", [0.5, 0.9])
def test_summed_advantages_are_the_return_and_the_values_at_both_ends(gamma: float) -> None:
    rng = np.random.default_rng(0)
    rewards, after = deterministic_world(rng)
    values = best_values(rewards, after, gamma)
    advantages = rewards + gamma * values[after] - values[:, None]
    lengths = rng.integers(1, 9, 40)
    earned, gained, ends = [], [], []
    for length in lengths:
        state = start = int(rng.integers(6))
        for _ in range(length):
            action = int(rng.integers(3))
            earned.append(rewards[state, action])
            gained.append(advantages[state, action])
            state = int(after[state, action])
        ends.append((values[start], values[state]))
    by_values = segment_scores(np.array(earned), lengths, "regret", gamma, np.array(ends))
    by_advantages = segment_scores(np.array(gained), lengths, "return", gamma)
    assert np.allclose(by_values, by_advantages, atol=1e-9)
    assert (by_values <= 1e-9).all()  # the best actions have an advantage of 0


def test_accuracy_counts_no_ties_and_half_for_equal_scores() -> None:
    difference, label = np.array([1.0, -2.0, 0.0, 5.0]), np.array([1.0, 1.0, 0.0, 0.5])
    assert pair_accuracy(difference, label) == pytest.approx(1.5 / 3)
    assert pair_accuracy(difference, label, np.array([3.0, 1.0, 0.0, 9.0])) == pytest.approx(0.75)
    assert math.isnan(pair_accuracy(np.zeros(1), np.array([0.5])))
    assert math.isnan(pair_accuracy(np.zeros(0), np.zeros(0)))


def test_calibration_is_0_for_true_probabilities_and_not_for_certainty() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(20_000)
    label = (rng.random(20_000) < probability).astype(float)
    assert calibration_error(probability, label) < 0.02
    certain = (probability > 0.5).astype(float)
    assert calibration_error(certain, label) == pytest.approx(0.25, abs=0.02)
    assert math.isnan(calibration_error(np.zeros(0), np.zeros(0)))
