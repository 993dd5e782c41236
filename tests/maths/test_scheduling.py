"""Greedy schedules keep their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.maths.scheduling import makespan

DURATIONS = st.lists(st.floats(0, 1000), max_size=30)


@given(DURATIONS, st.integers(1, 40))
def test_it_lies_between_the_bounds_of_any_schedule(durations: list[float], workers: int) -> None:
    found = makespan(durations, workers)
    least = max([sum(durations) / workers, *durations], default=0.0)
    assert least <= found + 1e-6
    assert found <= (2 - 1 / workers) * least + 1e-6


@given(DURATIONS)
def test_one_worker_takes_the_sum_and_many_the_longest(durations: list[float]) -> None:
    assert makespan(durations, 1) == pytest.approx(sum(durations))
    assert makespan(durations, 100) == max(durations, default=0.0)
