"""Lengths: rewards that look at them, how much of a reward they explain, and weights that follow."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.maths.controllers import DualWeight, RunningMoments, cosine_fade
from rewardsmith.maths.diversity import distinct_share, novel_share, repetition
from rewardsmith.maths.length_bias import gain_by_length, nuisance_share
from rewardsmith.maths.length_shaping import (
    EASY,
    MEDIUM,
    cosine_length,
    effort_reward,
    exponential_length,
    group_relative_length,
    laser_target,
    linear_penalty,
    mode_balanced,
    segment_penalty,
    soft_overlong,
    step_bonus,
)

SEEDS = st.integers(0, 10**6)


def batch(seed: int, groups: int = 5, size: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = groups * size
    return rng.integers(0, 2, n), rng.integers(1, 100, n), rng.permutation(n) % groups


@settings(max_examples=25)
@given(SEEDS)
def test_wrong_answers_gain_nothing_by_being_short(seed: int) -> None:
    correct, lengths, groups = batch(seed)
    wrong = correct == 0
    assert (step_bonus(correct, lengths, target=50)[wrong] == 0).all()
    assert (group_relative_length(correct, lengths, groups)[wrong] <= 0).all()
    short = step_bonus(correct, lengths, target=50)[~wrong]
    assert set(short.tolist()) <= {1.0, 1.5}
    # A right answer is worth more than every wrong one.
    assert not short.size or short.min() > step_bonus(correct, lengths, target=50)[wrong].max(
        initial=0
    )


def test_laser_de_lets_wrong_answers_search_on() -> None:
    correct, lengths = np.array([0, 0, 0, 1]), np.array([90, 90, 10, 90])
    explores = np.array([1, 0, 1, 1])
    assert step_bonus(correct, lengths, 50, explores=explores).tolist() == [0.5, 0, 0, 1]
    assert step_bonus(np.ones(3), np.full(3, 30), np.array([20, 30, 40])).tolist() == [1, 1.5, 1.5]


@settings(max_examples=25)
@given(SEEDS)
def test_the_target_is_longer_for_harder_prompts_and_covers_enough(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths, candidates = rng.integers(1, 4000, 60), np.arange(256, 4097, 256)
    targets = [laser_target(lengths, np.ones(60), candidates, 8, s) for s in (EASY, MEDIUM, 0)]
    assert targets == sorted(targets) and targets[2] >= lengths.max()
    for target, expected in zip(targets, (5, 2, 1), strict=True):
        assert (lengths <= target).mean() * expected >= 1
        shorter = candidates[candidates < target]
        assert not len(shorter) or (lengths <= shorter[-1]).mean() * expected < 1
    assert laser_target(lengths, np.zeros(60), candidates, 8, EASY) == 4096


@settings(max_examples=25)
@given(SEEDS)
def test_the_shortest_of_a_group_gets_one_half_and_the_longest_minus_one_half(seed: int) -> None:
    _, lengths, groups = batch(seed)
    term = group_relative_length(np.ones(len(lengths)), lengths, groups)
    for group in range(5):
        members = groups == group
        span = np.ptp(lengths[members])
        assert term[members].max() == (0.5 if span else 0)
        assert term[members].min() == (-0.5 if span else 0)
    assert group_relative_length([1], [7], [0]).tolist() == [0]


def test_an_effort_of_0_ignores_length_and_a_leak_costs_1() -> None:
    correct, lengths, groups = batch(1)
    zeros, ones = np.zeros(30), np.ones(30)
    assert np.array_equal(effort_reward(correct, lengths, groups, zeros, zeros), correct + 0.5)
    low = effort_reward(correct, lengths, groups, ones, zeros)
    assert np.allclose(low - effort_reward(correct, lengths, groups, ones, ones), 1)
    assert low.min() >= -1 and low.max() <= 2


def test_the_cosine_has_the_ends_of_the_paper_and_overflow_is_worst() -> None:
    lengths = np.array([0, 100, 100 - 1e-9, 40, 60])
    assert np.allclose(cosine_length(np.ones(5), lengths, 100)[:3], [2, -10, 1])
    assert np.allclose(cosine_length(np.zeros(5), lengths, 100)[:3], [-10, -10, 0])
    assert np.diff(cosine_length(np.ones(2), lengths[3:], 100))[0] < 0
    assert np.diff(cosine_length(np.zeros(2), lengths[3:], 100))[0] > 0


def test_the_overlong_penalty_begins_at_the_margin_and_ends_at_the_limit() -> None:
    assert np.allclose(soft_overlong([0, 80, 90, 100, 500], 100, 20), [0, 0, -0.5, -1, -1])
    with pytest.raises(ValueError, match="margin"):
        soft_overlong([1], 100, 0)


def test_choppy_reasoning_scores_lower_at_equal_tokens() -> None:
    """Four segments of 10 tokens, or one of 40: the counts of the short and of the long cluster."""
    counts, weights = np.array([[4, 0], [0, 1]]), np.array([1.0, 0.2])
    penalty = segment_penalty(counts, np.zeros(2), weights)
    assert penalty[0] < 0 < penalty[1] and penalty.sum() == pytest.approx(0)
    with pytest.raises(ValueError, match="not increase"):
        segment_penalty(counts, np.zeros(2), weights[::-1])


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 1))
def test_a_mode_is_worth_less_only_while_it_is_used_too_much(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    correct, thinks = rng.integers(0, 2, 40), (np.arange(40) < round(40 * share)).astype(int)
    plain = np.array([[-1.0, 2.0], [0.0, 1.0]])[thinks, correct]
    change = mode_balanced(correct, thinks) - plain
    used = thinks.mean()
    over = np.where(thinks == 1, used, 1 - used) > 0.5
    assert (change[~over] == 0).all() and (change[over] <= 0).all()
    assert np.allclose(change[over], -2 * (max(used, 1 - used) - 0.5))


def test_a_batch_of_one_mode_is_moved_all_the_way() -> None:
    assert mode_balanced([1, 0], [0, 0]).tolist() == [1, -2]
    assert mode_balanced([1, 0], [1, 1]).tolist() == [0, -1]


def test_short_right_and_long_wrong_answers_gain() -> None:
    correct, lengths = np.array([1, 1, 0, 0, 1]), np.array([10, 30, 10, 30, 99])
    term = exponential_length(correct, lengths, np.array([0, 0, 0, 0, 1]))
    assert term[0] > 0 > term[1] and term[2] < 0 < term[3] and term[4] == 0
    assert np.allclose(term[0], np.exp(0.05 / np.sqrt(2)) - 1)


# ------------------------------------------------------------------------------------ controllers


@settings(max_examples=25)
@given(st.floats(0, 1), st.floats(0, 1))
def test_the_weight_rises_with_accuracy_rests_at_the_reference_and_is_never_negative(
    accuracy: float, reference: float
) -> None:
    weight = DualWeight(0.01, 0.1, reference)
    step = weight.step(accuracy).value - weight.value
    assert step * (accuracy - reference) >= 0 and weight.step(reference) == weight
    assert DualWeight(0.0, 1.0, reference).step(-5).value == 0


def test_the_weight_finds_the_price_at_which_accuracy_is_the_reference() -> None:
    """With an accuracy of 1 - weight / 2 the weight must come to rest at 0.6; also across a restart."""
    weight = DualWeight(0.0, 0.1, 0.7)
    for _ in range(200):
        weight = DualWeight(**json.loads(json.dumps(asdict(weight.step(1 - weight.value / 2)))))
    assert weight.value == pytest.approx(0.6, abs=1e-3)
    assert linear_penalty([1, 0], [2, 2], weight.value) == pytest.approx([-0.2, -1.2], abs=0.01)


@settings(max_examples=25)
@given(st.lists(st.lists(st.floats(-100, 100), min_size=1, max_size=5), min_size=1, max_size=6))
def test_running_moments_equal_those_of_all_scores(batches: list[list[float]]) -> None:
    moments, everything = RunningMoments(), np.concatenate(batches)
    for scores in batches:
        moments = RunningMoments(**json.loads(json.dumps(asdict(moments.step(np.array(scores))))))
    assert moments.mean == pytest.approx(everything.mean(), abs=1e-9)
    assert moments.std == pytest.approx(
        everything.std(ddof=1) if len(everything) > 1 else 0, abs=1e-6
    )
    assert (moments.lowest, moments.highest) == (everything.min(), everything.max())
    assert (moments.within_range(everything) <= 1).all()


def test_standardized_scores_and_the_fade() -> None:
    moments = RunningMoments().step(np.array([1.0, 3.0]))
    assert np.allclose(moments.standardized([2.0, 2 + np.sqrt(2)]), [0, 1])
    assert [cosine_fade(s, 100) for s in (0, 50, 100, 900)] == pytest.approx([1, 0.5, 0, 0])


# ----------------------------------------------------------------------------------------- measures


def test_the_share_of_a_nuisance_is_the_one_built_in() -> None:
    """Of a score 0.8 * length + 0.6 * quality, both of variance 1, length explains 64 %."""
    length, quality = np.random.default_rng(0).normal(size=(2, 20_000))
    assert nuisance_share(0.8 * length + 0.6 * quality, length) == pytest.approx(0.64, abs=0.02)
    assert nuisance_share(quality, length) < 0.001
    both = np.stack([length, quality], axis=1)
    assert nuisance_share(0.8 * length + 0.6 * quality, both) == pytest.approx(1)
    assert nuisance_share(np.ones(9), np.arange(9)) == 0


@settings(max_examples=25)
@given(SEEDS)
def test_a_gain_is_all_shift_if_the_score_is_the_length_and_none_if_lengths_stay(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.integers(0, 5, 50), rng.integers(2, 8, 40)
    edges = np.arange(1, 8)
    longer = gain_by_length(before, after, before, after, edges)
    assert longer.within == pytest.approx(0, abs=1e-9)
    assert longer.shift == pytest.approx(longer.total) == after.mean() - before.mean()
    better = gain_by_length(before, before + 3, before, before, edges)
    assert better.within == pytest.approx(3) and better.shift == pytest.approx(0, abs=1e-9)
    scores = rng.normal(size=90)
    mixed = gain_by_length(scores[:50], scores[50:], before, after, edges)
    assert mixed.within + mixed.shift == pytest.approx(mixed.total)


def test_repeated_tokens_are_marked_from_the_second_time() -> None:
    tokens = np.array([[1, 2, 3, 4], [5, 6, 5, 6], [5, 6, 5, 6]])
    mask = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0]], bool)
    assert repetition(tokens, mask, 2).sum(axis=1).tolist() == [0, 2, 0]
    assert np.allclose(distinct_share(tokens, mask, 2), [1, 2 / 3, 1])
    assert distinct_share(tokens, mask, 9).tolist() == [0, 0, 0]


@settings(max_examples=25)
@given(SEEDS)
def test_completions_that_are_all_equal_bring_nothing_new(seed: int) -> None:
    rng = np.random.default_rng(seed)
    row, mask = rng.integers(0, 5, 6), np.ones((4, 6), bool)
    same = np.stack([row] * 4)
    assert (novel_share(same, mask, np.zeros(4)) == 0).all()
    assert (novel_share(same, mask, np.arange(4)) == 1).all()
    assert (novel_share(np.arange(24).reshape(4, 6), mask, np.zeros(4)) == 1).all()
