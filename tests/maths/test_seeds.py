"""Statistics of training seeds: exact bounds, permutation tests, and what they cannot prove."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.maths.statistics import (
    crossed_interval,
    further_seeds,
    interquartile_mean,
    interval,
    paired_difference,
    seed_summary,
    share_interval,
    sign_flip_p,
)

small = st.floats(-100, 100).map(lambda value: round(value, 3))


def test_an_interval_stays_in_the_range_of_fitness() -> None:
    one_failed = [0.98, 0.98, 0.97, 0.98, 0.485]
    assert (interval(one_failed).high or 0) > 1
    found = interval(one_failed, (0.0, 1.0))
    assert found.high == 1.0 and found.low == interval(one_failed).low


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_no_interval_of_shares_leaves_0_to_1(values: list[float]) -> None:
    found = interval(values, (0.0, 1.0))
    assert found.low is not None and found.high is not None
    assert 0.0 <= found.low <= found.high <= 1.0


# Clopper and Pearson's bounds from printed tables
@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (4, 5, 0.2836, 0.9949), (5, 10, 0.1871, 0.8129)],
)
def test_exact_bounds_of_a_share(count: int, n: int, low: float, high: float) -> None:
    assert share_interval(count, n) == pytest.approx((low, high), abs=1e-4)


def test_exact_bounds_cover_the_truth_often_enough() -> None:
    """For every true share, the probability that the interval contains it is at least 95 %."""
    from scipy.stats import binom

    n = 10
    bounds = np.array([share_interval(k, n) for k in range(n + 1)])
    for truth in np.linspace(0.01, 0.99, 99):
        covers = (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])
        assert binom.pmf(np.arange(n + 1), n, truth)[covers].sum() >= 0.95


@given(st.lists(small, min_size=2, max_size=8))
def test_the_permutation_test_counts_every_flip_of_signs(differences: list[float]) -> None:
    flips = np.array(list(itertools.product([1, -1], repeat=len(differences))))
    sums = flips @ np.array(differences)
    extreme = np.abs(sums) >= abs(sum(differences)) - 1e-9
    assert sign_flip_p(differences) == pytest.approx(extreme.mean(), abs=1e-9)


def test_five_seeds_prove_nothing_and_six_can() -> None:
    assert sign_flip_p([1.0] * 5) == pytest.approx(2 / 32)
    assert sign_flip_p([1.0] * 6) == pytest.approx(2 / 64)
    five = paired_difference([1.0] * 5, [0.0] * 5)
    assert not five.decided and five.further_seeds == 1
    six = paired_difference([1.0] * 6, [0.0] * 6)
    assert six.decided and six.further_seeds == 0


def test_one_failed_seed_of_ten_does_not_hide_a_gain() -> None:
    ours, native = [0.98] * 9 + [0.1], [0.14] * 10
    assert paired_difference(ours, native, (0.0, 1.0)).decided


def test_the_permutation_test_errs_at_its_level_on_equal_rewards() -> None:
    rng = np.random.default_rng(3)
    wrong = np.mean([sign_flip_p(rng.normal(size=8)) <= 0.05 for _ in range(300)])
    assert wrong <= 0.08


def test_further_seeds_of_a_noisy_difference() -> None:
    noisy = [1.0, -1.0, 1.5, -0.5, 0.5]
    more = further_seeds(noisy)
    assert more is not None
    mean, sd = np.mean(noisy), np.std(noisy, ddof=1)
    n = len(noisy) + more
    assert 1.9 * sd / np.sqrt(n) < mean < 2.1 * sd / np.sqrt(n - 2)
    assert further_seeds([1.0]) is None and further_seeds([1.0, -1.0]) is None


def test_the_seeds_one_by_one() -> None:
    found = seed_summary([0.98, 0.97, 0.96, 0.24, 0.99], solved_from=0.9)
    assert (found.solved, found.n, found.worst, found.median) == (4, 5, 0.24, 0.97)
    assert (found.solved_low, found.solved_high) == share_interval(4, 5)
    assert seed_summary([0.5], None).solved is None


def test_the_interquartile_mean_ignores_the_outer_quarters() -> None:
    assert interquartile_mean([-100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 900.0]) == 3.5


def test_programs_of_one_request_are_no_independent_seeds() -> None:
    """Two programs that differ by 1: twenty trainings do not tell more than two programs."""
    values = np.repeat([[0.0], [1.0]], 10, axis=1)
    found = crossed_interval(values)
    assert (found.mean, found.low, found.high) == (0.5, 0.0, 1.0)
    pooled = interval(list(values.ravel()))
    assert pooled.low is not None and pooled.low > 0.2
    with pytest.raises(ValueError, match="2 x 2"):
        crossed_interval(np.zeros((1, 5)))
