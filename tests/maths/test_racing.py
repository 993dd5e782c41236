"""Confidence bounds of few seeds, and the sequential test of who leads."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rewardsmith.maths.racing import challenger, moderated_bounds

SAMPLES = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    min_size=1,
    max_size=4,
)


@given(SAMPLES, st.floats(0.001, 0.4))
def test_bounds_enclose_the_mean_and_stay_in_range(
    fitness: dict[str, list[float]], level: float
) -> None:
    for name, bound in moderated_bounds(fitness, level, (0.0, 1.0)).items():
        assert bound.mean == pytest.approx(np.mean(fitness[name]))
        assert 0.0 <= bound.low <= bound.mean + 1e-12 and bound.mean - 1e-12 <= bound.high <= 1.0


def test_with_one_program_the_bound_is_a_t_bound_with_three_more_degrees_of_freedom() -> None:
    values = [0.2, 0.5, 0.9, 0.4]
    half = stats.t.ppf(0.95, 3 + 3) * np.std(values, ddof=1) / 2
    bound = moderated_bounds({"a": values})["a"]
    assert bound.high - bound.mean == pytest.approx(half)
    assert bound.mean - bound.low == pytest.approx(half)


def test_a_single_seed_has_the_usual_spread_of_the_others() -> None:
    steady = [0.9, 0.92, 0.91]
    bounds = moderated_bounds({"steady": steady, "once": [0.92]})
    usual = float(np.std(steady, ddof=1))
    half = stats.t.ppf(0.95, 3) * usual
    assert bounds["once"].low == pytest.approx(0.92 - half)
    assert bounds["once"].low < bounds["steady"].low, "one lucky seed does not lead"


def test_nothing_is_known_of_the_spread_of_single_seeds() -> None:
    bounds = moderated_bounds({"a": [0.3], "b": [0.4]})
    assert {(bound.low, bound.high) for bound in bounds.values()} == {(-math.inf, math.inf)}


def test_a_challenger_must_be_able_to_be_better_by_more_than_the_tolerance() -> None:
    fitness = {"a": [0.97, 0.98, 0.98], "b": [0.96, 0.99, 0.97], "c": [0.1, 0.2, 0.3]}
    bounds = moderated_bounds(fitness, within=(0.0, 1.0))
    assert challenger(bounds, "a", ["b", "c"], tolerance=0.0) == "b"
    assert challenger(bounds, "a", ["b", "c"], tolerance=0.1) is None
    assert challenger(bounds, "a", [], tolerance=0.0) is None


def test_the_bounds_are_wrong_as_rarely_as_they_say() -> None:
    """Eight programs of one spread, three seeds each: 5 % of the lower bounds lie above the truth."""
    draws = np.random.default_rng(0).normal(size=(500, 8, 3))
    above = [
        bound.low > 0
        for sample in draws
        for bound in moderated_bounds(
            {str(i): row.tolist() for i, row in enumerate(sample)}
        ).values()
    ]
    assert 0.03 < np.mean(above) < 0.07
