"""Shares of explained variance."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.maths.association import explained_by_groups, explained_by_number


def test_the_share_of_the_variance_that_groups_explain() -> None:
    groups = np.array([0, 0, 1, 1])
    assert explained_by_groups(np.array([1.0, 1.0, 3.0, 3.0]), groups) == pytest.approx(1.0)
    assert explained_by_groups(np.array([1.0, 3.0, 1.0, 3.0]), groups) == pytest.approx(0.0)
    assert explained_by_groups(np.array([0.0, 2.0, 2.0, 4.0]), groups) == pytest.approx(0.5)
    assert explained_by_groups(np.ones(4), groups) == 0.0


def test_the_share_of_the_variance_that_a_number_explains() -> None:
    number = np.array([0.0, 1.0, 2.0, 3.0])
    assert explained_by_number(-2 * number + 1, number) == pytest.approx(1.0)
    assert explained_by_number(np.array([1.0, 0.0, 0.0, 1.0]), number) == pytest.approx(0.0)
    assert explained_by_number(np.ones(4), number) == explained_by_number(number, np.ones(4)) == 0.0
