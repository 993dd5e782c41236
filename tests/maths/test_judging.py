"""Judged pairs: where models disagree, and the bias of a labeller."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.maths.judging import disagreement, in_order, left_share


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
