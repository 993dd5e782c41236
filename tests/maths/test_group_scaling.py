"""What group scaling leaves of a shaping, on arrays and in a small training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.maths.group_advantages import centred, group_scaled
from rewardsmith.maths.group_scaling import scaling_report, survives_group_scaling
from rewardsmith.maths.length_shaping import linear_penalty, step_bonus
from rewardsmith.maths.score_shapes import par

Shape = Callable[[np.ndarray], np.ndarray]
Advantages = Callable[[np.ndarray, np.ndarray], np.ndarray]


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-5, 5))
def test_a_positive_factor_and_a_constant_leave_no_trace(
    seed: int, factor: float, constant: float
) -> None:
    rng = np.random.default_rng(seed)
    scores, groups = rng.normal(size=24), np.arange(24) // 6
    shaped = factor * scores + constant
    report = scaling_report(scores, shaped, groups)
    assert (report.reordered == 0).all() and np.allclose(report.spacing, 0, atol=1e-9)
    assert np.allclose(report.damping, factor) and not report.amplified.any()
    assert np.allclose(group_scaled(shaped, groups, 0), group_scaled(scores, groups, 0))
    assert not survives_group_scaling(scores, shaped, groups)
    assert np.allclose(scaling_report(scores, -shaped, groups).reordered, 1)
    assert survives_group_scaling(scores, -shaped, groups)


def test_the_saturation_of_par_is_removed_and_the_step_of_laser_is_not() -> None:
    """Two prompts with scores near the reference and far above it: PAR damps the second 1000 times."""
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 8)
    scores = rng.normal(0, 0.3, 16) + 8.0 * groups
    shaped = par(scores, np.zeros(1))
    report = scaling_report(scores, shaped, groups)
    assert report.damping[0] > 100 * report.damping[1]
    sizes = [np.abs(group_scaled(shaped, groups, 0)[groups == g]).mean() for g in (0, 1)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.5)
    assert not survives_group_scaling(scores, shaped, groups)

    correct, lengths = rng.integers(0, 2, 16), rng.integers(1, 40, 16)
    assert survives_group_scaling(correct, step_bonus(correct, lengths, 20), groups)


def test_the_weight_of_a_penalty_makes_no_difference_where_all_answers_are_right() -> None:
    correct, lengths, groups = (
        np.ones(6),
        np.array([5, 9, 30, 7, 7, 7]),
        np.array([0, 0, 0, 1, 1, 1]),
    )
    tiny, large = (linear_penalty(correct, lengths, weight) for weight in (1e-6, 1e-2))
    assert scaling_report(correct, tiny, groups).amplified.tolist() == [True, False]
    assert np.allclose(group_scaled(tiny, groups, 0), group_scaled(large, groups, 0))
    assert np.isnan(scaling_report([1.0], [2.0], [0]).reordered).all()
    assert not survives_group_scaling([1.0], [2.0], [0])


LENGTHS = np.tile(np.arange(1, 65), 2)
RIGHT = np.repeat([0.0, 1.0], 64)
BASE = -(((LENGTHS - 27) / 12) ** 2) / 2 + np.log(np.where(RIGHT > 0, 0.68, 0.32))


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def length_after_training(
    shape: Shape, advantages: Advantages, seed: int, kl: float = 0.05
) -> float:
    """Mean length of a policy over (right?, length) after 400 steps of 8 groups of 8 completions.

    Length, fitness, score and divergence weight are those of a training of a small language model;
    the spread of the lengths of the base policy, 12 tokens, is our choice.

    The base policy is right in 68 % and 27 tokens long; the policy is the base tilted by two
    numbers, one for being right and one for length. The score is 3 * right + 0.15 * length.
    """
    rng, tilt, groups = np.random.default_rng(seed), np.zeros(2), np.arange(64) // 8
    features = np.stack([RIGHT, (LENGTHS - 27) / 12], axis=1)
    for _ in range(400):
        policy = softmax(BASE + features @ tilt)
        mean = policy @ features
        drawn = rng.choice(len(policy), 64, p=policy)
        found = advantages(shape(3 * RIGHT[drawn] + 0.15 * LENGTHS[drawn]), groups)
        gradient = (found[:, None] * (features[drawn] - mean)).mean(axis=0)
        covariance = (features * policy[:, None]).T @ features - np.outer(mean, mean)
        tilt = tilt + 0.5 * (gradient - kl * covariance @ tilt)
    return float(softmax(BASE + features @ tilt) @ LENGTHS)


@pytest.mark.parametrize("seed", [0, 1])
def test_par_bounds_the_length_with_a_divergence_term_and_without_group_scaling_only(
    seed: int,
) -> None:
    """The direction of what trainings of a small language model showed: 61 tokens without PAR, 44 with it, 62 with it and group scaling."""

    def squashed(scores: np.ndarray) -> np.ndarray:
        return par(scores, np.array([3 * 0.68 + 0.15 * 27]))

    assert length_after_training(lambda scores: scores, centred, seed) > 60
    assert 40 < length_after_training(squashed, centred, seed) < 52
    assert length_after_training(squashed, group_scaled, seed) > 60
    assert length_after_training(squashed, centred, seed, kl=0.0) > 55
