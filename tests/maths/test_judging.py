"""Judged pairs: where models disagree, and the bias of a labeller."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.maths.judging import (
    agreement,
    cycles_of_three,
    disagreement,
    first_deciding,
    in_order,
    left_share,
    majority,
)


def test_models_disagree_where_they_are_divided() -> None:
    scores = np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 1.0], [0.0, 3.0, 3.0]])
    found = disagreement(scores)
    assert found[1, 2] == pytest.approx(1.0), "one for each side, one for neither"
    assert found[0, 1] == found[0, 2] == 0.0
    assert disagreement(np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]))[0, 1] == pytest.approx(
        2 / 3
    )


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 1000))
def test_disagreement_is_symmetric_in_the_unit_interval_and_needs_no_scale(
    models: int, items: int, seed: int
) -> None:
    scores = np.random.default_rng(seed).integers(0, 4, (models, items)).astype(float)
    found = disagreement(scores)
    assert (found == found.T).all() and (found >= 0).all() and (found <= 1).all()
    assert (np.diag(found) == 0).all()
    assert found == pytest.approx(disagreement(7 * scores - 3))


def test_pairs_in_order() -> None:
    scores = np.array([3.0, 1.0, 1.0, np.nan])
    better, worse = np.array([0, 1, 1, 3, 0]), np.array([1, 0, 2, 0, 3])
    assert in_order(scores, better, worse).tolist() == [1.0, 0.0, 0.5, 0.0, 0.0]


def test_the_share_of_the_left_side() -> None:
    assert left_share(["first", "first", "second", "same", "skip"]) == pytest.approx(2 / 3)
    assert left_share(["same", "skip"]) is None


def test_a_majority_is_more_than_half_of_all_votes() -> None:
    assert majority(["first", "first", "same"]) == "first"
    assert majority(["first", "second"]) is None
    assert majority(["first", None, None]) is None
    assert majority(["first", "second", "same"]) is None
    assert majority([]) is None


def test_agreement_is_the_share_of_equal_pairs_of_votes() -> None:
    assert agreement([["first"] * 3, ["second"] * 3]) == 1.0
    assert agreement([["first", "first", "second"]]) == pytest.approx(1 / 3)
    assert agreement([["first", "first"], ["first", "second"], ["same"]]) == pytest.approx(0.5)
    assert agreement([["first"], []]) is None


factors = st.tuples(st.integers(2, 8), st.integers(1, 4), st.integers(0, 10_000))


@given(factors)
def test_ranked_factors_decide_in_order_and_without_a_side(drawn: tuple[int, int, int]) -> None:
    """The decision of each pair is that of a loop over the factors."""
    items, count, seed = drawn
    draws = np.random.default_rng(seed)
    values = draws.normal(size=(items, count)).round(1)
    directions, margins = draws.choice([-1, 1], count), draws.choice([0.0, 0.5, 1.0], count)
    found = first_deciding(values, directions, margins)
    assert (found == -found.T).all()
    for one, other in np.ndindex(found.shape):
        ahead = directions * (values[one] - values[other])
        deciding = np.flatnonzero(np.abs(ahead) > margins)
        place = deciding[0] if len(deciding) else None
        expected = 0 if place is None else int(np.sign(ahead[place])) * (place + 1)
        assert found[one, other] == expected


def test_a_factor_that_is_not_finite_decides_nothing() -> None:
    values = np.array([[np.nan, 1.0], [0.0, 0.0], [np.inf, 2.0]])
    found = first_deciding(values, np.array([1, 1]), np.zeros(2))
    assert found.tolist() == [[0, 2, -2], [-2, 0, -2], [2, 2, 0]]


@given(st.integers(3, 9), st.integers(0, 10_000))
def test_one_factor_makes_no_cycle_without_a_margin_or_with_one(items: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    values = draws.normal(size=(items, 1))
    for margin in (0.0, 0.7):
        found = first_deciding(values, np.array([1]), np.array([margin]))
        assert cycles_of_three(*np.nonzero(found > 0)) == 0


def test_margins_of_several_factors_make_cycles() -> None:
    """Each step is within the margin of the first factor, the way back is not."""
    values = np.array([[0.0, 3.0], [0.6, 2.0], [1.2, 1.0]])
    found = first_deciding(values, np.array([1, 1]), np.array([1.0, 0.0]))
    assert found[0, 1] == found[1, 2] == 2 and found[2, 0] == 1
    assert cycles_of_three(*np.nonzero(found > 0)) == 1


def test_cycles_are_counted_once_each() -> None:
    assert cycles_of_three(np.array([0, 1, 2, 2]), np.array([1, 2, 0, 3])) == 1
    assert cycles_of_three(np.array([0, 0, 1]), np.array([1, 2, 2])) == 0
    none = np.array([], np.int64)
    assert cycles_of_three(none, none) == 0
