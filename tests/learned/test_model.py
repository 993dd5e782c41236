"""Reward models: JSON without loss, categories, ensembles, and clear errors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.errors import UsageError
from rewardsmith.learned.model import (
    Input,
    Layer,
    RewardModel,
    Threshold,
    Weights,
    aggregated,
    inputs_of,
)

RNG = np.random.default_rng(0)


def layer(rng: np.random.Generator, size: int, out: int) -> Layer:
    return Layer(
        weight=Weights.of(rng.normal(size=(size, out))), bias=Weights.of(rng.normal(size=out))
    )


def model(inputs: tuple[Input, ...], **changes: object) -> RewardModel:
    """Random weights, and a standardisation that is not trivial."""
    rng, d = np.random.default_rng(1), sum(item.width for item in inputs)
    fields = {
        "inputs": inputs,
        "centre": tuple(rng.normal(size=d)),
        "scale": tuple(rng.uniform(0.5, 2, size=d)),
        "members": [(layer(rng, d, 5), layer(rng, 5, 4), layer(rng, 4, 1)) for _ in range(3)],
        "shift": 0.3,
        "spread": 1.7,
    }
    return RewardModel.model_validate(fields | changes)


COLUMNS = {
    "x": RNG.normal(size=(50, 2)),
    "still": RNG.random(50) < 0.5,
    "action": RNG.integers(2, 6, 50),
}
INPUTS = (
    Input(name="x", size=2),
    Input(name="still", size=1),
    Input(name="action", size=1, categories=4, start=2),
)


def by_hand(found: RewardModel, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The rewards of each member, in float64 and one row at a time."""
    hot = np.eye(4)[np.asarray(columns["action"]) - 2]
    rows = np.column_stack([columns["x"], columns["still"], hot])
    rows = (rows - np.array(found.centre)) / np.array(found.scale)
    outputs = []
    for first, second, last in found.members:
        hidden = np.tanh(rows @ first.weight.array + first.bias.array)
        hidden = np.tanh(hidden @ second.weight.array + second.bias.array)
        outputs.append((hidden @ last.weight.array + last.bias.array)[:, 0])
    return (np.array(outputs) - found.shift) / found.spread


def test_rewards_are_those_of_the_networks() -> None:
    found = model(INPUTS)
    assert found.arguments == ("x", "still", "action")
    assert np.allclose(found.member_rewards(COLUMNS), by_hand(found, COLUMNS), atol=1e-5)
    rewards = found(COLUMNS)
    assert rewards.shape == (50,) and rewards.dtype == np.float64
    assert np.allclose(rewards, by_hand(found, COLUMNS).mean(axis=0), atol=1e-5)
    assert found({name: column[:0] for name, column in COLUMNS.items()}).shape == (0,)


def test_a_row_has_its_reward_in_any_batch() -> None:
    found = model(INPUTS)
    whole = found(COLUMNS)
    for row in range(50):
        alone = found({name: column[row : row + 1] for name, column in COLUMNS.items()})
        assert np.allclose(alone, whole[row], atol=1e-6)


@pytest.mark.parametrize(
    "change", [{}, {"aggregate": "min", "pessimism": 0.5}, {"post": Threshold(below=-0.75)}]
)
def test_json_keeps_every_bit(change: dict[str, object]) -> None:
    found = model(INPUTS, **change)
    read = RewardModel.model_validate_json(found.model_dump_json())
    assert read == found and np.array_equal(read(COLUMNS), found(COLUMNS))
    assert read.model_dump_json() == found.model_dump_json()


def test_weights_are_float32_and_read_only() -> None:
    array = RNG.normal(size=(3, 2)).astype(np.float32)
    weights = Weights.of(array)
    assert np.array_equal(weights.array, array)
    with pytest.raises(ValueError, match="read-only"):
        weights.array[0] = 1
    with pytest.raises(ValueError, match="shape"):
        Weights(shape=(3, 3), data=weights.data)


def test_a_category_is_one_hot_and_has_no_order() -> None:
    found = model((Input(name="action", size=1, categories=4, start=2),))
    features = found.features({"action": np.array([2, 5])}) * np.array(found.scale) + np.array(
        found.centre
    )
    assert np.allclose(features, [[1, 0, 0, 0], [0, 0, 0, 1]])
    assert np.array_equal(
        found({"action": np.array([[3], [4]])}), found({"action": np.array([3.0, 4.0])})
    )
    for wrong in ([1], [6], [2.5]):
        with pytest.raises(UsageError, match="integers from 2 to 5"):
            found({"action": np.array(wrong)})


def test_text_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'mission'.*found text"):
        inputs_of({"x": np.zeros(3), "mission": np.array(["go", "to", "a"])})
    with pytest.raises(UsageError, match=r"'x'.*found text"):
        model(INPUTS)(COLUMNS | {"x": np.array([["a", "b"]] * 50)})
    with pytest.raises(UsageError, match="type object"):
        inputs_of({"x": np.array([None, {}], dtype=object)})


def test_columns_that_do_not_fit_are_refused() -> None:
    found = model(INPUTS)
    with pytest.raises(UsageError, match="'still', which is missing"):
        found({"x": COLUMNS["x"], "action": COLUMNS["action"]})
    with pytest.raises(UsageError, match="expected 2 numbers per row, found 3"):
        found(COLUMNS | {"x": np.zeros((50, 3))})
    with pytest.raises(UsageError, match="same number of rows"):
        found(COLUMNS | {"x": np.zeros((49, 2))})
    with pytest.raises(UsageError, match="do not exist: go"):
        inputs_of(COLUMNS, {"go": 3})
    with pytest.raises(UsageError, match="one category per row"):
        inputs_of(COLUMNS, {"x": 3})


def test_inputs_are_read_from_columns() -> None:
    columns = COLUMNS | {"picture": np.zeros((50, 2, 3, 1), np.uint8)}
    found = inputs_of(columns, {"action": 6})
    assert [(item.name, item.size, item.categories) for item in found] == [
        ("x", 2, 0),
        ("still", 1, 0),
        ("action", 1, 6),
        ("picture", 6, 0),
    ]


def test_a_model_whose_layers_do_not_fit_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="one output"):
        model(INPUTS, members=[(layer(rng, 7, 2),)])
    with pytest.raises(ValueError, match="reads 7 numbers"):
        model(INPUTS, members=[(layer(rng, 3, 1),)])
    with pytest.raises(ValueError, match="same shapes"):
        model(INPUTS, members=[(layer(rng, 7, 1),), (layer(rng, 7, 2), layer(rng, 2, 1))])
    with pytest.raises(ValueError, match="7 values"):
        model(INPUTS, centre=(0.0,))


def test_a_bug_in_one_of_five_moves_the_median_little_and_the_mean_much() -> None:
    rng = np.random.default_rng(0)
    rewards = rng.normal(size=200) + 0.1 * rng.normal(size=(5, 200))
    broken = rewards.copy()
    broken[2] += 50.0
    moved = {
        how: np.abs(aggregated(broken, how) - aggregated(rewards, how)).max()  # type: ignore[arg-type]
        for how in ("mean", "median", "min")
    }
    assert moved["mean"] == pytest.approx(10.0) and moved["median"] < 0.5 and moved["min"] < 0.5


@given(st.integers(0, 10**6), st.floats(0, 3))
def test_pessimism_only_lowers_rewards_where_members_differ(seed: int, pessimism: float) -> None:
    rewards = np.random.default_rng(seed).normal(size=(4, 6))
    rewards[:, 0] = rewards[0, 0]
    for how in ("mean", "median", "min"):
        plain = aggregated(rewards, how)  # type: ignore[arg-type]
        cautious = aggregated(rewards, how, pessimism)  # type: ignore[arg-type]
        assert np.allclose(plain - cautious, pessimism * rewards.std(axis=0))
        assert (
            np.isclose(cautious[0], plain[0])
            and (aggregated(rewards, "min") <= plain + 1e-12).all()
        )


def test_post_processing_sets_low_rewards_to_0() -> None:
    plain, cut = model(INPUTS), model(INPUTS, post=Threshold(below=-0.75))
    rewards = plain(COLUMNS)
    assert (rewards < -0.75).any() and (rewards >= -0.75).any()
    assert np.array_equal(cut(COLUMNS), np.where(rewards < -0.75, 0.0, rewards))
