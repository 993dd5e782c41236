"""Intervals against published numbers, and for samples that prove nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.maths.statistics import (
    interval,
    normalised,
    paired_difference,
    unpaired_difference,
)

finite = st.floats(-1e6, 1e6)


def test_t_interval_of_a_known_sample() -> None:
    found = interval([4.0, 5.0, 6.0, 7.0, 8.0])  # t(0.975, 4) = 2.776, s = 1.5811
    assert found.mean == 6.0 and found.n == 5
    assert found.low == pytest.approx(6.0 - 2.776 * math.sqrt(2.5 / 5), abs=1e-3)
    assert found.high == pytest.approx(7.9629, abs=1e-3)


T_95 = {
    2: 12.706,
    3: 4.303,
    4: 3.182,
    5: 2.776,
    6: 2.571,
    7: 2.447,
    8: 2.365,
    9: 2.306,
}  # from tables


@pytest.mark.parametrize("n", T_95)
def test_every_quantile_of_students_t(n: int) -> None:
    values = [0.0] * (n - 1) + [1.0]  # its standard error is 1 / n
    found = interval(values)
    assert found.high is not None
    assert found.high - found.mean == pytest.approx(T_95[n] / n, rel=1e-9)


def test_one_seed_has_no_bounds() -> None:
    found = interval([3.0])
    assert (found.mean, found.low, found.high, found.n) == (3.0, None, None, 1)
    assert str(found) == "3"


@pytest.mark.parametrize("values", [[], [float("nan")], [1.0, float("inf")]])
def test_nothing_and_nan_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        interval(values)


@given(st.lists(finite, min_size=2, max_size=25))
def test_the_mean_lies_inside(values: list[float]) -> None:
    found = interval(values)
    assert found.low is not None and found.high is not None
    slack = 1e-9 * (1 + max(abs(value) for value in values))
    assert found.low - slack <= found.mean <= found.high + slack
    assert found.n == len(values)


@given(finite, st.integers(2, 30))
def test_equal_values_leave_no_doubt(value: float, n: int) -> None:
    found = interval([value] * n)
    assert found.low == pytest.approx(value) and found.high == pytest.approx(value)


def test_the_bootstrap_repeats_itself() -> None:
    values = list(np.random.default_rng(1).normal(size=12))
    assert interval(values) == interval(values)


def test_the_bootstrap_leans_with_the_sample() -> None:
    found = interval([*range(9), 100.0])
    assert found.low is not None and found.high is not None
    assert found.high - found.mean > found.mean - found.low


@pytest.mark.parametrize(("n", "low", "high"), [(3, 0.92, 0.98), (15, 0.88, 0.97)])
def test_it_covers_the_truth_about_as_often_as_it_says(n: int, low: float, high: float) -> None:
    rng = np.random.default_rng(7)
    intervals = [interval(list(rng.normal(2.0, 1.0, n))) for _ in range(300)]
    covered = np.mean(
        [i.low <= 2.0 <= i.high for i in intervals if i.low is not None and i.high is not None]
    )
    assert low <= covered <= high


def test_pairs_take_the_seed_out() -> None:
    ours, native = [10.1, 20.2, 30.1, 40.2], [10.0, 20.0, 30.0, 40.0]
    found = paired_difference(ours, native)
    assert found.low is not None and found.low > 0.0  # certain, though the seeds lie far apart
    with pytest.raises(ValueError, match="equal lengths"):
        paired_difference([1.0], [1.0, 2.0])


def test_a_difference_of_independent_samples() -> None:
    """Checked against Welch's interval and the exact permutation test, computed with scipy."""
    from scipy import stats

    ours, theirs = [0.9, 0.8, 0.95, 0.85, 0.7], [0.2, 0.5, 0.4, 0.3]
    found = unpaired_difference(ours, theirs)
    known = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert found.mean == pytest.approx(0.49) and not found.paired and found.n == 4
    assert found.p == pytest.approx(2 / math.comb(9, 4)), "no other split is as far apart"
    assert found.decided and found.further_seeds == 0
    bounded = unpaired_difference([1.0, 0.0, 1.0], [0.0, 1.0, 0.0], within=(0.0, 1.0))
    assert bounded.high == 1.0 and not bounded.decided and bounded.further_seeds is None
    single = unpaired_difference([1.0], [0.0, 0.5])
    assert (single.low, single.high, single.p, single.n) == (None, None, 1.0, 1)
    flat = unpaired_difference([1.0, 1.0], [0.0, 0.0])
    assert flat.low == flat.high == 1.0


def test_normalised() -> None:
    assert normalised(0.5, 0.0, 1.0) == 0.5
    assert normalised(-110.0, -200.0, -100.0) == pytest.approx(0.9)
    assert normalised(-5.0, -1.0, -3.0) == 2.0  # beyond the reference, where less is better
    assert normalised(1.0, None, 2.0) is None
    assert normalised(1.0, 0.0, None) is None
    assert normalised(1.0, 2.0, 2.0) is None
