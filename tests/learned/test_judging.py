"""Answers of judges: means of scores, panels in both orders, and a table of outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.errors import UsageError
from rewardsmith.learned.critiques import mean_scores
from rewardsmith.learned.outcome_table import Outcome, OutcomeTable
from rewardsmith.maths.judging import majority


def test_the_mean_of_5_critiques_halves_the_error() -> None:
    """A judge with an error of 1: the mean of 5 has one of 1 / sqrt(5) = 0.45."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=2000)
    scores = true[:, None] + rng.normal(size=(2000, 5))
    found = mean_scores(scores)
    single, averaged = np.std(scores[:, 0] - true), np.std(found.mean - true)
    assert single / averaged >= 2 and averaged == pytest.approx(1 / np.sqrt(5), rel=0.05)
    assert found.spread.mean() == pytest.approx(0.94, abs=0.03)  # of 5 normal numbers


def test_a_judge_abstains_where_its_scores_differ() -> None:
    found = mean_scores(np.array([[1.0, 1.2], [0.0, 4.0]]), largest_spread=1.0)
    assert found.abstained.tolist() == [False, True]
    assert found.mean[0] == pytest.approx(1.1) and np.isnan(found.mean[1])
    assert mean_scores(np.array([[3.0]])).spread.tolist() == [0.0]
    with pytest.raises(UsageError, match=r"shape \(n, s\)"):
        mean_scores(np.zeros(3))


def biased_votes(
    rng: np.random.Generator, first_is_better: np.ndarray, swapped: np.ndarray
) -> np.ndarray:
    """A judge that is right in 70 % of all pairs, and prefers the side shown first by 15 %."""
    shown_first_is_better = np.where(swapped, ~first_is_better[:, None], first_is_better[:, None])
    says_first = rng.random(swapped.shape) < np.where(shown_first_is_better, 0.85, 0.45)
    return np.where(says_first, 1, -1)


def majorities(votes: np.ndarray, swapped: np.ndarray) -> np.ndarray:
    """Whether the majority of the votes on each pair is for its first item."""
    said = np.where(np.where(swapped, -votes, votes) > 0, "first", "second")
    return np.array([majority(each) == "first" for each in said.tolist()])


def test_five_votes_in_both_orders_repair_a_biased_judge() -> None:
    """70 % right with 15 % of position bias: a majority of 5 is right in 80 % or more, unbiased."""
    rng = np.random.default_rng(0)
    n = 20_000
    better = rng.random(n) < 0.5
    single = biased_votes(rng, better, np.zeros((n, 1), bool))[:, 0] > 0
    assert np.mean(single == better) == pytest.approx(0.70, abs=0.01)
    assert single.mean() - 0.5 == pytest.approx(0.15, abs=0.01)
    orders = np.add.outer(np.arange(n), np.arange(5)) % 2 == 1
    first = majorities(biased_votes(rng, better, orders), orders)
    assert np.mean(first == better) >= 0.80 and abs(first.mean() - 0.5) <= 0.03
    fixed = np.zeros((n, 5), bool)
    same_order = majorities(biased_votes(rng, better, fixed), fixed)
    assert same_order.mean() - 0.5 > 0.1  # without swaps the bias stays


class Judge:
    """Serves the objective from 30 % on, and counts its questions."""

    def __init__(self) -> None:
        self.asked: list[Outcome] = []

    def __call__(self, outcome: Outcome) -> bool:
        self.asked.append(outcome)
        return float(outcome[1]) >= 0.3


def test_each_outcome_is_asked_once_and_never_again() -> None:
    rng = np.random.default_rng(0)
    outcomes = [("share", round(float(share), 1)) for share in rng.random(500)]
    judge = Judge()
    table = OutcomeTable().extended(outcomes, judge)
    assert len(judge.asked) == len(set(outcomes)) == 11
    expected = [float(share >= 0.3) for _, share in outcomes]
    assert table.rewards(outcomes).tolist() == expected
    again = OutcomeTable.model_validate_json(table.model_dump_json()).extended(outcomes, judge)
    assert len(judge.asked) == 11 and again == table
    assert again.rewards(outcomes).tolist() == expected
    more = again.extended([("share", 2.0)], judge)
    assert judge.asked[11:] == [("share", 2.0)] and more.rewards([("share", 2.0)]).tolist() == [1.0]
    with pytest.raises(UsageError, match=r"\('share', 2.0\) was never judged; the table has 11"):
        table.rewards([("share", 2.0)])
