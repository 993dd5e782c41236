"""Pairs from demonstrations, ratings and ranked factors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.errors import UsageError
from rewardsmith.learned.fitting import FitSettings, fit_preferences
from rewardsmith.learned.pairs import (
    Pairs,
    by_ranked_factors,
    from_demonstrations,
    from_ratings,
)
from rewardsmith.maths.judging import cycles_of_three, first_deciding


def trajectories(kind: float, lengths: list[int]) -> list[dict[str, np.ndarray]]:
    """Each with its number, its kind, and how many steps are left after each step."""
    return [
        {"kind": np.full(n, kind), "which": np.full(n, place), "left": np.arange(n)[::-1]}
        for place, n in enumerate(lengths)
    ]


def test_demonstrations_are_better_and_length_and_end_do_not_show_it() -> None:
    demonstrations, rollouts = trajectories(1, [40, 9, 30]), trajectories(0, [100, 60])
    segments, pairs = from_demonstrations(demonstrations, rollouts, count=120, length=12)
    first, second = (
        [segments[place] for place in places] for places in (pairs.first, pairs.second)
    )
    assert len(segments) == 240 and len(pairs.checked(240).label) == 120
    assert [a["kind"][0] for a in first] == pairs.label.tolist()
    assert [b["kind"][0] for b in second] == (1 - pairs.label).tolist()
    assert pairs.label.mean() == 0.5
    lengths = {(len(a["kind"]), len(b["kind"])) for a, b in zip(first, second, strict=True)}
    assert lengths == {(12, 12), (9, 9)}
    ends = [(a["left"][-1] == 0, b["left"][-1] == 0) for a, b in zip(first, second, strict=True)]
    assert all(one == other for one, other in ends) and 0 < sum(one for one, _ in ends) < 120
    used = [segment["which"][0] for segment in segments if segment["kind"][0]]
    assert np.bincount(used).tolist() == [40, 40, 40]
    assert all((np.diff(segment["left"]) == -1).all() for segment in segments)


def test_demonstrations_need_both_kinds() -> None:
    with pytest.raises(UsageError, match="found 0 and 1"):
        from_demonstrations([], trajectories(0, [5]), 3, 2)
    with pytest.raises(UsageError, match="at least 1, found 0"):
        from_demonstrations(trajectories(0, [5]), trajectories(0, [5]), 0, 2)


def test_every_two_ratings_weigh_the_same_in_total() -> None:
    ratings = np.array([0] * 20 + [1] * 5 + [2] * 2)
    pairs = from_ratings(ratings)
    assert len(pairs.label) == 20 * 5 + 20 * 2 + 5 * 2 and pairs.weight.mean() == pytest.approx(1)
    one, other = ratings[pairs.first], ratings[pairs.second]
    assert np.array_equal(pairs.label, (one > other).astype(float)) and (one != other).all()
    kinds = one + other  # 1, 2, 3: each two ratings have another sum
    totals = [pairs.weight[kinds == kind].sum() for kind in (1, 2, 3)]
    assert np.allclose(totals, 50)
    assert len(from_ratings(ratings, count=7).label) == 7
    with pytest.raises(UsageError, match="two different ratings, found 1"):
        from_ratings([2, 2])


@pytest.mark.parametrize("source", ["demonstrations", "ratings", "factors"])
def test_a_reward_is_learned_from_each_source(source: str) -> None:
    """The true reward is the first of two numbers; each source shows it in its own way."""
    rng = np.random.default_rng(0)
    segments = [{"x": rng.normal(size=(6, 2)) + rng.normal(size=2)} for _ in range(60)]
    means = np.array([segment["x"].mean(axis=0) for segment in segments])
    if source == "demonstrations":
        better = [{"x": rng.normal(size=(30, 2)) + [2.0, 0.0]} for _ in range(5)]
        segments, pairs = from_demonstrations(better, segments, count=100, length=6)
    elif source == "ratings":
        pairs = from_ratings(np.digitize(means[:, 0], [-0.7, 0.0, 0.7]), count=200)
    else:
        pairs = by_ranked_factors(means, margins=[0.2, 0.0], count=200).pairs
    fit = fit_preferences(segments, pairs, settings=FitSettings(hidden=(16,), steps=80))
    x = rng.normal(size=(500, 2))
    assert np.corrcoef(fit.model({"x": x}), x[:, 0])[0, 1] > 0.9


factors = st.lists(st.integers(-3, 3), min_size=3, max_size=3)
margins = st.lists(st.integers(0, 2), min_size=3, max_size=3)
signs = st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3)


@given(factors, factors, signs, margins)
def test_swapping_two_items_swaps_the_answer(
    one: list[int], other: list[int], sign: list[int], margin: list[int]
) -> None:
    a, b = np.array(one, float), np.array(other, float)
    deciding_factor = first_deciding(np.array([a, b]), np.array(sign), np.array(margin, float))
    there, back = np.sign(deciding_factor[0, 1]), np.sign(deciding_factor[1, 0])
    level, same_level = (abs(deciding_factor[place]) - 1 for place in ((0, 1), (1, 0)))
    assert there == -back and level == same_level
    gap = (a - b) * sign
    deciding = [k for k in range(3) if abs(gap[k]) > margin[k]]
    assert level == (deciding[0] if deciding else -1)
    assert there == (np.sign(gap[level]) if deciding else 0)


def test_one_factor_is_the_order_of_that_factor() -> None:
    values = np.random.default_rng(0).normal(size=(30, 1))
    ranked = by_ranked_factors(-values, signs=[-1])
    better = values[ranked.pairs.first, 0] > values[ranked.pairs.second, 0]
    assert np.array_equal(ranked.pairs.label, better.astype(float)) and len(better) == 30 * 29 / 2
    assert ranked.undecided == ranked.cycles == 0 and not ranked.level.any()


def test_a_margin_on_the_first_factor_makes_cycles() -> None:
    items = np.random.default_rng(0).normal(size=(60, 3))
    assert by_ranked_factors(items).cycles == 0  # the first factor decides everything
    ranked = by_ranked_factors(items, margins=[0.5, 0.5, 0.0])
    beats = np.zeros((60, 60), bool)
    for first, second, label in zip(*ranked.pairs[:3], strict=True):
        beats[(first, second) if label else (second, first)] = True
    counted = sum(
        int(beats[a, b] and beats[b, c] and beats[c, a])
        for a in range(60)
        for b in range(60)
        for c in range(60)
    )
    assert ranked.cycles == counted // 3 > 50


def test_undecided_pairs_are_dropped_and_counted() -> None:
    items = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    ranked = by_ranked_factors(items, margins=[0, 0])
    assert ranked.undecided == 1 and len(ranked.pairs.label) == 5
    assert sorted(ranked.level) == [0, 0, 0, 1, 1]
    assert len(by_ranked_factors(items, margins=[0, 0], count=2).pairs.label) == 2
    with pytest.raises(UsageError, match="no factor decides any of 6"):
        by_ranked_factors(items, margins=[9, 9])
    with pytest.raises(UsageError, match="2 signs"):
        by_ranked_factors(items, signs=[1])
    with pytest.raises(UsageError, match="margins of at least 0"):
        by_ranked_factors(items, margins=[-1, 0])


def test_a_circle_of_three_is_one_cycle() -> None:
    circle = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], bool)
    order = np.triu(np.ones((5, 5), bool), 1)
    assert cycles_of_three(*np.nonzero(circle)) == 1 and cycles_of_three(*np.nonzero(order)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": [0, 3]}, "places from 0 to 2 of 3 segments, found 0 to 3"),
        ({"first": [0.5, 1.5]}, r"places from 0 to 2 .*float64"),
        ({"first": [0, 2]}, "pair 1 compares segment 2 to itself"),
        ({"label": [0.0, 1.5]}, r"labels in \[0, 1\]"),
        ({"label": [0.0, float("nan")]}, r"labels in \[0, 1\]"),
        ({"weight": [0.0, 0.0]}, "and one above 0"),
        ({"weight": [2.0, -1.0]}, "weights of at least 0"),
        ({"label": [0.0]}, r"found first \(2,\)"),
        ({"first": [], "second": [], "label": [], "weight": []}, "at least one"),
    ],
)
def test_what_are_no_pairs_is_refused(change: dict[str, list[float]], message: str) -> None:
    good = {"first": [0, 1], "second": [1, 2], "label": [1.0, 0.5], "weight": [1.0, 1.0]}
    assert Pairs.of(**good).checked(3)  # type: ignore[arg-type]
    assert Pairs(**good).checked(3).label.dtype == float  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=message):
        Pairs.of(**(good | change)).checked(3)  # type: ignore[arg-type]
