"""Checks of a program's values: probes, reactions, and the pure functions that judge them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rewardsmith.sandbox.behaviour import signals
from rewardsmith.sandbox.behaviour.probes import Probes, reactions, seen_probes, wide_probes
from rewardsmith.types import Array, Output

RNG = np.random.default_rng(0)
ROWS: dict[str, Array] = {
    "x": RNG.uniform(-1, 0, 200),
    "v": RNG.normal(size=(200, 3)),
    "door": RNG.random(200) < 0.1,
    "cell": RNG.integers(0, 4, 200),
    "action": RNG.integers(0, 3, 200),
}


def run(probes: Probes, f: Any) -> dict[str, float]:
    return reactions(probes, Output(np.asarray(f(**probes.rows), np.float64)))


@pytest.mark.parametrize("make", [seen_probes, wide_probes])
def test_pairs_differ_in_one_argument_alone(make: Any) -> None:
    probes = make(ROWS, 50)
    for name, (before, after) in probes.pairs.items():
        for other, column in probes.rows.items():
            same = np.array_equal(column[before], column[after])
            assert same is (other != name), (name, other)
    assert {name: column.dtype for name, column in probes.rows.items()} == {
        n: c.dtype for n, c in ROWS.items()
    }


def test_wide_probes_leave_the_range_and_actions_stay_within() -> None:
    rows = wide_probes(ROWS).rows
    assert rows["x"].max() > 10 and rows["x"].min() < -10
    assert rows["cell"].max() > 4
    assert set(rows["action"]) == {0, 1, 2}
    assert 0.2 < rows["door"].mean() < 0.6


def test_reactions_name_what_matters() -> None:
    found = run(seen_probes(ROWS), lambda x, v, door, cell, action: 2 * x + 0.1 * v[:, 0])
    assert found["x"] > found["v"] > 0
    assert found["door"] == found["cell"] == found["action"] == 0
    hidden = run(
        wide_probes(ROWS), lambda x, v, door, cell, action: ((x > 0.5) & door).astype(float)
    )
    assert hidden["x"] > 0 and hidden["door"] > 0, (
        "a bonus behind two conditions that random behaviour never met"
    )
    assert run(seen_probes(ROWS), lambda x, **_: np.zeros(len(x)))["x"] == 0


@given(st.floats(0.01, 100), st.floats(-100, 100))
def test_reactions_do_not_depend_on_scale_or_offset(factor: float, offset: float) -> None:
    probes = seen_probes(ROWS)
    plain = run(probes, lambda x, v, **_: x + v[:, 1])
    moved = run(probes, lambda x, v, **_: factor * (x + v[:, 1]) + offset)
    assert plain == pytest.approx(moved, rel=1e-6)


def test_scale() -> None:
    assert signals.scale(RNG.normal(size=300), 500) is None
    assert signals.scale(np.where(np.arange(300) == 0, 100.0, 0.0), 1000) is None, (
        "a sparse goal is fine"
    )
    assert signals.scale(np.zeros(300), 1000) is None
    found = signals.scale(1e5 * RNG.normal(size=300), None)
    assert found is not None and "1e-05" in found[0].hint and not found[1]
    found = signals.scale(100 * np.ones(300), 50_000)
    assert found is not None and "50000 steps" in found[0].message
    found = signals.scale(1e-8 * RNG.normal(size=300), 100)
    assert found is not None and "1e+08" in found[0].hint
    found = signals.scale(1e30 * RNG.normal(size=300), 100)
    assert found is not None and found[1]


def test_spikes() -> None:
    smooth = RNG.normal(size=500)
    assert signals.spikes(smooth) is None
    bonus = smooth.copy()
    bonus[3] = bonus[90] = 1000.0
    assert signals.spikes(bonus) is None, "a bonus is no spike"
    gate = np.exp(-30 * np.linspace(0, 1, 500))
    assert signals.spikes(gate) is None, "nor is a smooth gate"
    near_zero = RNG.uniform(0.1, 1, 3000)
    near_zero[:3] = 1e-8, 1e-6, 1e-4
    told = signals.spikes(1 / near_zero)
    assert told is not None and "3 of 3000" in told.message


def test_spikes_of_a_sparse_term() -> None:
    def sparse(*few: float) -> Array:
        return np.concatenate([np.zeros(300 - len(few)), few])

    for few in (
        (100.0,),
        (100.0,) * 4,
        (100.0, -50.0),
        (5e4, 5e4, 5e4),
        (1e4, -10.0),
        (3.0, 20.0, 90.0),
    ):
        assert signals.spikes(sparse(*few)) is None, "a bonus, or two sizes of it"
    told = signals.spikes(sparse(1e3, 2e4, 9e4))
    assert told is not None and "3 of 300" in told.message and "up to 9e+04" in told.message


def test_rates_speed_and_returns() -> None:
    assert signals.often(0.01) is None and signals.often(0.3) is not None
    assert signals.slow(1.0) is None and signals.slow(50.0) is not None
    values = np.array([-5.0, 3.0])
    assert (
        signals.beyond_returns(values, None) is None and signals.beyond_returns(values, 6.0) is None
    )
    found = signals.beyond_returns(values, 1.0)
    assert found is not None and not found[1]
    found = signals.beyond_returns(1000 * values, 1.0)
    assert found is not None and found[1]


@settings(max_examples=400)
@given(
    arrays(
        np.float64, st.integers(4, 60), elements=st.floats(allow_nan=False, allow_infinity=False)
    )
)
def test_any_finite_values_can_be_judged(values: Array) -> None:
    signals.scale(values, 100.0)
    signals.spikes(values)
