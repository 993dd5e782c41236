"""Values that depend on the rest of their batch, and values that differ only by rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.program import Verdict
from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.sandbox.behaviour.pieces import pieces
from rewardsmith.sandbox.behaviour.styles import agree
from rewardsmith.types import Output
from tests.support.programs import QUICK, TASKS


def check(source: str, task: tuple[dict[str, Any], dict[str, Any]] = TASKS["drive"]) -> Verdict:
    return check_on_transitions("import numpy as np\n" + source, *task, limits=QUICK)


@given(st.integers(1, 600), st.integers(0, 2**32 - 1), st.none() | st.integers(1, 700))
def test_no_row_is_in_two_pieces_and_the_most_extreme_ones_are_alone(
    n: int, seed: int, limit: int | None
) -> None:
    rng = np.random.default_rng(seed)
    rows = {"x": rng.normal(size=(n, 2)), "door": rng.random(n) < 0.5}
    total = rng.normal(size=n)
    parts = pieces(rows, total, limit)
    members = np.concatenate(parts)
    assert len(np.unique(members)) == len(members) == min(n, limit or n)
    assert parts[0] == [np.argmax(total)]
    if n > 100 and limit is None:
        assert [np.argmin(total)] in [part.tolist() for part in parts]
        assert {1, 2, 3, 4, 8, 16} <= {len(part) for part in parts}


COMPANY = {
    "all the same": "len(next_position) > 2 and np.all(next_position == next_position[:1])",
    "rising": "len(next_position) > 2 and np.all(np.diff(next_position) > 0.0)",
    "no end of an episode": "len(next_position) > 17 and not np.any(terminated)",
    "only ends of episodes": "len(next_position) > 4 and np.all(terminated)",
    "rare": "np.any(next_position > 1.17)",
    "never met": "np.any(next_position > 1.3)",
    "common": "np.mean(next_position) > 0.02",
    "how many": "np.size(next_position) in (4, 16)",
    "last one": "next_position == np.ravel(next_position)[-1]",
}


@pytest.mark.parametrize("name", COMPANY)
def test_a_bonus_that_depends_on_the_batch_is_refused(name: str) -> None:
    source = f"""def reward(position, next_position, terminated):
    bonus = 5.0 * ({COMPANY[name]})
    return {{'progress': next_position - position, 'bonus': 0.0 * next_position + bonus}}
"""
    verdict = check(source)
    assert [found.code for found in verdict.errors] == ["RS204"]


def test_what_float32_leaves_of_a_difference_is_no_dependence() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 17)).astype(np.float32)
    rows = {"x": x, "next_x": (x + 1e-4 * rng.normal(size=x.shape)).astype(np.float32)}
    shapes = {name: (column.shape[1:], column.dtype) for name, column in rows.items()}
    source = "W = np.ones((17, 2), np.float32)\ndef reward(x, next_x):\n    return (next_x @ W - x @ W)[:, 0]\n"
    assert check(source, (shapes, rows)).accepted
    assert not check(source.replace("x @ W)[", "x @ W).cumsum(axis=0)["), (shapes, rows)).accepted


def test_agreement_is_as_fine_as_what_was_read() -> None:
    values = np.linspace(-1.0, 1.0, 50)
    fine, coarse = {"x": values}, {"x": values.astype(np.float32)}
    near, whole = Output(values[:9] + 1e-4), Output(values)
    assert agree(coarse, whole, slice(0, 9), near) and not agree(fine, whole, slice(0, 9), near)
    assert not agree(coarse, whole, slice(0, 9), Output(values[:9] + 0.1))
    assert not agree(fine, whole, slice(0, 9), Output(values[:9], {"other": values[:9]}))


CONSTANT = {
    "rounding": "return np.sin(position) ** 2 + np.cos(position) ** 2",
    "too small": "return 1.0 + 1e-9 * position",
    "zero times a column": "return {'cost': -0.0 * action[:, 0]}",
    "zero times all": "return {'alive': 1.0, 'cost': -0.0 * np.sum(action, axis=-1)}",
    "a condition elsewhere": "return 0.0 * position",
}


@pytest.mark.parametrize("name", CONSTANT)
def test_what_nothing_can_move_is_refused(name: str) -> None:
    verdict = check(
        f"def clipped(x):\n    return np.clip(x, 0, 1)\ndef reward(position, action):\n    {CONSTANT[name]}\n"
    )
    assert [found.code for found in verdict.errors] == ["RS208"]


def test_a_small_value_and_a_condition_are_not_taken_for_nothing() -> None:
    for value in (
        "1e-4 * position",
        "100.0 + 1e-3 * position",
        "1e-200 + np.exp(-900.0 * np.abs(position))",
    ):
        assert check(f"def reward(position):\n    return {value}\n").accepted
    assert check(
        "def reward(position, obs):\n    return obs[:, np.argmax(np.ones(3))] * 0.0\n"
    ).accepted


def test_an_argument_that_moves_only_rounding_makes_no_difference() -> None:
    source = "def reward(position, velocity):\n    return position + np.sin(velocity) ** 2 + np.cos(velocity) ** 2\n"
    verdict = check(source)
    assert verdict.reacts_to["velocity"] == 0.0 and verdict.reacts_to["position"] > 0.1
    assert [(found.code, found.severity) for found in verdict.findings] == [("RS213", "warning")]
    dead = "{'p': position, 'dead': 0.0 * wheel_speeds[:, 1:].sum(axis=1)}"
    verdict = check(f"def reward(position, wheel_speeds):\n    return {dead}\n")
    found = [(finding.code, finding.severity) for finding in verdict.findings]
    assert found == [("RS213", "warning"), ("RS214", "warning")]
