"""The table of training curves in process feedback."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.writers.feedback.process import STRETCHES, curve_summary
from rewardsmith.writers.feedback.records import CurveLine, CurveSummary
from tests.support.curves import ROWS, curve_of


def test_no_curve_is_no_table() -> None:
    assert curve_summary([]) == curve_summary([[]]) == CurveSummary([], [], [])
    assert curve_summary([curve_of([{"steps": 100.0, "episodes": 0.0}])]).rows == []


def test_one_row() -> None:
    table = curve_summary([curve_of(ROWS[:1])])
    assert table.columns == ["1000 steps"]
    assert {row.name: row.cells for row in table.rows} == {
        "episode length": [50.0], "own return": [2.0], "fitness": [0.1], "place": [2.0],
    }  # fmt: skip


def test_two_rows_stay_apart() -> None:
    table = curve_summary([curve_of(ROWS[:2])])
    assert table.columns == ["1000 steps", "2000 steps"]
    assert table.rows[-1] == CurveLine("place", [2.0, 4.0])


def test_forty_rows_become_ten() -> None:
    rows = [{**ROWS[0], "steps": 1000.0 * n, "fitness": float(n)} for n in range(1, 41)]
    table = curve_summary([curve_of(rows)])
    assert len(table.columns) == STRETCHES and table.columns[-1] == "40k steps"
    fitness = next(row.cells for row in table.rows if row.name == "fitness")
    assert fitness == [pytest.approx(4 * n + 2.5) for n in range(10)]


def test_seeds_are_averaged_by_episodes() -> None:
    few, many = (
        {**ROWS[0], "fitness": 1.0, "episodes": 1.0},
        {**ROWS[0], "fitness": 4.0, "episodes": 3.0},
    )
    table = curve_summary([curve_of([few]), curve_of([many])])
    assert next(row.cells for row in table.rows if row.name == "fitness") == [13.0 / 4.0]


def test_a_stretch_in_which_nothing_ended_is_left_out() -> None:
    silent = {"steps": 2000.0, "episodes": 0.0, "fitness": None}
    table = curve_summary([curve_of([ROWS[0], silent, ROWS[2]])])
    assert len(table.columns) == 2
    assert all(None not in row.cells for row in table.rows)


def test_the_native_reward_is_never_shown() -> None:
    table = curve_summary([curve_of([{**ROWS[0], "native_return": 1.0, "wall_s": 3.0}])])
    assert not {"native_return", "wall_s", "steps", "episodes"} & {row.name for row in table.rows}


numbers = st.none() | st.floats(-1e6, 1e6)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "steps": st.floats(1, 1e6),
                "episodes": st.integers(0, 5).map(float),
                "fitness": numbers,
                "term/a": numbers,
            }
        ),
        max_size=50,
    )
)
def test_any_curve_makes_a_whole_table(rows: list[dict[str, Any]]) -> None:
    table = curve_summary([curve_of(rows)])
    assert len(table.columns) <= STRETCHES
    assert all(len(row.cells) == len(table.columns) for row in table.rows)
