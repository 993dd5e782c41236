"""Shares of explained variance."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.maths.association import explained_by_groups, explained_by_numbers


def test_the_share_of_the_variance_that_groups_explain() -> None:
    groups = np.array([0, 0, 1, 1])
    columns = np.array([[1.0, 1.0, 3.0, 3.0], [1, 3, 1, 3], [0, 2, 2, 4], [0.1] * 4]).T
    assert explained_by_groups(columns, groups) == pytest.approx([1.0, 0.0, 0.5, 0.0])


def test_the_share_of_the_variance_that_numbers_explain() -> None:
    number, constant = np.array([0.0, 1.0, 2.0, 3.0]), np.full(4, 0.1)
    values = np.stack([-2 * number + 1, [1.0, 0.0, 0.0, 1.0], constant], axis=1)
    found = explained_by_numbers(values, np.stack([number, constant], axis=1))
    assert found.shape == (3, 2)
    assert found == pytest.approx(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))


def test_explained_shares_are_squared_correlations() -> None:
    rng = np.random.default_rng(0)
    values, numbers = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    wanted = np.corrcoef(values.T, numbers.T)[:3, 3:] ** 2
    assert explained_by_numbers(values, numbers) == pytest.approx(wanted)
