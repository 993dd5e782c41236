"""Answers of judges: means of scores, panels in both orders, and a table of outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.errors import UsageError
from rewardsmith.learned.outcome_table import Outcome, OutcomeTable
from rewardsmith.learned.votes import alternating_orders, mean_scores, panel_verdict


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


def test_five_votes_in_both_orders_repair_a_biased_judge() -> None:
    """70 % right with 15 % of position bias: a majority of 5 is right in 80 % or more, unbiased."""
    rng = np.random.default_rng(0)
    n = 20_000
    better = rng.random(n) < 0.5
    single = biased_votes(rng, better, np.zeros((n, 1), bool))[:, 0] > 0
    assert np.mean(single == better) == pytest.approx(0.70, abs=0.01)
    assert single.mean() - 0.5 == pytest.approx(0.15, abs=0.01)
    orders = alternating_orders(n, 5)
    verdict = panel_verdict(biased_votes(rng, better, orders), orders)
    first = verdict.better > 0
    assert np.mean(first == better) >= 0.80 and abs(first.mean() - 0.5) <= 0.03
    fixed = np.zeros((n, 5), bool)
    same_order = panel_verdict(biased_votes(rng, better, fixed), fixed).better > 0
    assert same_order.mean() - 0.5 > 0.1  # without swaps the bias stays


def test_a_verdict_says_how_many_agree() -> None:
    votes = np.array([[1, -1, 1], [1, -1, -1], [1, 0, -1], [-1, 1, -1], [0, 0, 1]])
    swapped = np.array([[False, True, False]] * 5)
    found = panel_verdict(votes, swapped)
    assert found.better.tolist() == [1, 1, 0, -1, 1]
    assert np.allclose(found.share, [1, 2 / 3, 0.5, 1, 1])
    assert found.unanimous.tolist() == [True, False, False, True, False]
    with pytest.raises(UsageError, match="votes of 1, 0 or -1"):
        panel_verdict(np.array([[2]]), np.array([[True]]))


@pytest.mark.parametrize(("n", "votes"), [(10, 5), (7, 4), (4, 1)])
def test_both_orders_are_equally_frequent(n: int, votes: int) -> None:
    orders = alternating_orders(n, votes)
    assert orders.shape == (n, votes) and abs(orders.sum() - n * votes / 2) <= 0.5
    assert (np.abs(orders.sum(axis=1) - votes / 2) <= 0.5).all()


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
