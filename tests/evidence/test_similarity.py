"""Similarity of the rewards of programs on recorded transitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rewardsmith.evidence.similarity import compared_rows, cosine

VECTORS = arrays(
    np.float64, 5, elements=st.floats(-100, 100).filter(lambda x: x == 0 or abs(x) > 1e-3)
)


@given(VECTORS, VECTORS, st.floats(0.01, 100))
def test_a_positive_factor_makes_no_difference(
    one: np.ndarray, other: np.ndarray, factor: float
) -> None:
    assert cosine(one, other) == pytest.approx(cosine(factor * one, other), abs=1e-9)
    assert cosine(one, other) == pytest.approx(cosine(other, one))
    assert cosine(one, factor * one) == pytest.approx(1.0)


def test_nothing_is_similar_to_no_reward_but_no_reward() -> None:
    assert cosine(np.zeros(3), np.zeros(3)) == 1.0
    assert cosine(np.zeros(3), np.ones(3)) == 0.0
    assert cosine(np.ones(3), -np.ones(3)) == -1.0


def test_the_last_step_of_every_episode_is_compared() -> None:
    lengths = np.array([3, 4000, 1, 2996])
    rows = compared_rows(lengths)
    assert set(np.cumsum(lengths) - 1) <= set(rows.tolist())
    assert len(rows) < 2010 and (np.diff(rows) > 0).all()
