"""Two rooms with a key, by tabular Q-learning: shaping that helps, misleads, or does neither.

The rows and their failures are those of a table measured elsewhere on a like grid; the numbers
depend on its details.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from rewardsmith.maths.shaping import largest_bonus
from tests.support.tabular import Learned, Rooms, World, learn_rooms, optimal_q, rooms_q

ROOMS, SEEDS, CAP = Rooms(), 15, 40_000
Shaping = Callable[[Any, Any, Any, Any], Any]


def nothing(t: Any, new: Any, before: Any, won: Any) -> Any:
    return np.zeros(SEEDS)


def bonus(size: float) -> Shaping:
    return lambda t, new, before, won: size * new


def neutralised(size: float) -> Shaping:
    owed = np.zeros(SEEDS)

    def paid(t: Any, new: Any, before: Any, won: Any) -> Any:
        owed[:] = size * new + np.where(t == 0, 0.0, owed) / ROOMS.gamma
        return size * new - np.where(won, owed, 0.0)

    return paid


def potential(size: float) -> Shaping:
    return lambda t, new, before, won: (
        ROOMS.gamma * np.where(won, 0.0, size * (before + new)) - size * before
    )


@cache
def row(name: str) -> Learned:
    q = rooms_q(ROOMS)
    rows: dict[str, tuple[Shaping, dict[str, Any]]] = {
        "sparse": (nothing, {}),
        "bonus, unseen": (bonus(0.05), {"see_mask": False}),
        "bonus": (bonus(0.05), {}),
        "neutralised": (neutralised(0.15), {}),
        "neutralised, too large": (neutralised(0.5), {"cap": 12_000}),
        "potential": (potential(0.5), {}),
        "bonus, 1% false": (bonus(0.05), {"alarms": 0.01}),
        "bonus, 5% false": (bonus(0.05), {"alarms": 0.05}),
        "right prefill": (nothing, {"prefill": q}),
        "wrong actions": (
            nothing,
            {"prefill": q.max(axis=1, keepdims=True) + q.min(axis=1, keepdims=True) - q},
        ),
    }
    shaping, changes = rows[name]
    return learn_rooms(shaping, **{"see_mask": True, "seeds": SEEDS, "cap": CAP, **changes})


def median(name: str) -> float:
    steps = row(name).steps
    return float(np.median(np.where(steps < 0, CAP, steps)))


def failed(name: str) -> int:
    return int((row(name).steps < 0).sum())


@pytest.mark.parametrize("name", ["bonus", "neutralised", "potential"])
def test_subgoals_in_the_state_help(name: str) -> None:
    assert failed(name) == failed("sparse") == 0 and median(name) < 0.5 * median("sparse")


def test_a_bonus_that_the_state_does_not_show_misleads() -> None:
    """Passing the door is rewarded only the first time, which the state does not show."""
    assert failed("bonus, unseen") > failed("sparse") + 2 and failed("bonus") == 0


def test_over_the_bound_failing_has_the_higher_return() -> None:
    limit = largest_bonus(ROOMS.gamma, ROOMS.horizon, 1.0, 2)
    assert round(limit, 3) == 0.183
    assert failed("neutralised, too large") == SEEDS and failed("neutralised") == 0


def test_false_alarms_do_more_harm_than_no_subgoals() -> None:
    """With one in a hundred transitions it takes longer than without subgoals; with five most never get there."""
    assert (
        median("bonus, 1% false") > median("sparse") > 5 * median("bonus")
        and failed("bonus, 1% false") >= 3
    )
    assert failed("bonus, 5% false") >= SEEDS // 2


def test_a_right_prefill_is_right_at_once() -> None:
    assert failed("right prefill") == 0 and median("right prefill") <= 0.1 * median("sparse")


def test_right_values_help_even_with_the_wrong_actions() -> None:
    """What a prior says of states and what of actions are two things: here the best action has the worst value."""
    assert failed("wrong actions") == 0 and median("wrong actions") < 0.5 * median("sparse")


def test_the_oracle_agrees_with_value_iteration() -> None:
    """A corridor of three cells with a goal, by hand."""
    dynamics, reward = np.zeros((3, 2, 3)), np.zeros((3, 2, 3))
    for state, action, to in ((0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 2), (2, 0, 2), (2, 1, 2)):
        dynamics[state, action, to] = 1.0
    reward[1, 1, 2] = 1.0
    assert np.allclose(
        optimal_q(World(dynamics, reward, 0.5)), [[0.25, 0.5], [0.25, 1.0], [0.0, 0.0]]
    )
    q = rooms_q(ROOMS)
    first = ROOMS.index(*(np.array([place]) for place in ROOMS.start), np.array([0]), 0)
    shortest = 3 + 3 + 8  # up to the key, down again, and along the middle to the goal
    assert q[first].max() == pytest.approx(ROOMS.gamma ** (shortest - 1))
