"""Strengths of compared items: the order that comparisons say, and numbers that can be computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from rewardsmith.maths.strengths import strengths
from rewardsmith.types import FloatArray


@st.composite
def tables(draw: st.DrawFn) -> FloatArray:
    """How often items won against each other, with ties as halves."""
    size = draw(st.integers(2, 6))
    halves = draw(st.lists(st.integers(0, 12), min_size=size**2, max_size=size**2))
    wins = np.array(halves, float).reshape(size, size) / 2
    np.fill_diagonal(wins, 0.0)
    return wins


def test_of_two_items_the_one_that_won_more_often_is_stronger() -> None:
    one, other = strengths(np.array([[0.0, 2.0], [1.0, 0.0]]))
    assert one > 0 > other == pytest.approx(-one)


def test_ties_and_no_comparisons_say_nothing() -> None:
    assert strengths(np.array([[0.0, 1.5], [1.5, 0.0]])) == pytest.approx([0, 0])
    assert strengths(np.zeros((3, 3))) == pytest.approx([0, 0, 0])
    assert strengths(np.zeros((0, 0))).shape == (0,)


def test_a_chain_of_wins_is_an_order() -> None:
    wins = np.diag(np.ones(3), k=1)  # each item won once against the next one
    assert list(np.argsort(-strengths(wins))) == [0, 1, 2, 3]


@pytest.mark.parametrize("games", [1, 100, 10_000])
def test_an_item_that_won_every_time_has_a_finite_strength(games: int) -> None:
    best, *others = strengths(np.array([[0, games, games], [0, 0, 0], [0, 0, 0]], float))
    assert np.isfinite([best, *others]).all()
    assert others == pytest.approx([others[0]] * 2) and best > others[0]


@given(tables())
@settings(max_examples=40, deadline=None)
def test_they_are_the_most_likely_ones(wins: FloatArray) -> None:
    """The likelihood with half a win and half a loss against an item of strength 0, maximised."""

    def loss(found: FloatArray) -> float:
        gaps = found[:, None] - found[None, :]
        return float(
            (wins * np.logaddexp(0, -gaps)).sum()
            + 0.5 * (np.logaddexp(0, found) + np.logaddexp(0, -found)).sum()
        )

    best = minimize(loss, np.zeros(len(wins)), tol=1e-10)
    assert strengths(wins) == pytest.approx(best.x, abs=1e-3)


@given(tables(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_items_does_not_matter(wins: FloatArray, random: object) -> None:
    order = list(range(len(wins)))
    random.shuffle(order)  # type: ignore[attr-defined]
    moved = strengths(wins[np.ix_(order, order)])
    assert moved == pytest.approx(strengths(wins)[order], abs=1e-6)


@given(tables())
@settings(max_examples=60, deadline=None)
def test_reversed_answers_reverse_the_strengths(wins: FloatArray) -> None:
    assert strengths(wins.T) == pytest.approx(-strengths(wins), abs=1e-6)


@given(tables(), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_further_win_makes_the_winner_stronger(wins: FloatArray, one: int, other: int) -> None:
    winner, loser = one % len(wins), other % len(wins)
    if winner == loser:
        return
    before = strengths(wins)
    wins[winner, loser] += 1
    after = strengths(wins)
    assert after[winner] > before[winner] and after[loser] < before[loser]
