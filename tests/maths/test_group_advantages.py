"""Advantages of groups: sums, what changes nothing, and which groups teach something."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.maths.completions import Groups, per_completion
from rewardsmith.maths.group_advantages import (
    batch_scaled,
    centred,
    conditional,
    group_scaled,
    leave_one_out,
    terms_scaled,
    zero_variance,
)
from rewardsmith.maths.group_selection import largest_spread, share_without_spread, with_spread

SEEDS = st.integers(0, 10**6)
ALL = (centred, group_scaled, batch_scaled, leave_one_out)


def batch(seed: int, groups: int = 4, size: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=groups * size), rng.permutation(groups * size) % groups


@settings(max_examples=25)
@given(SEEDS)
def test_advantages_of_a_group_sum_to_0_and_have_no_origin(seed: int) -> None:
    rewards, groups = batch(seed)
    for advantages in ALL:
        found = advantages(rewards, groups)
        assert np.allclose(Groups(groups).total(found), 0, atol=1e-9)
        assert np.allclose(advantages(rewards + 7, groups), found)
        order = np.random.default_rng(seed).permutation(len(rewards))
        assert np.allclose(advantages(rewards[order], groups[order]), found[order])


@settings(max_examples=25)
@given(SEEDS, st.floats(0.1, 100))
def test_only_group_scaling_removes_the_size_of_a_group(seed: int, factor: float) -> None:
    rewards, groups = batch(seed)
    larger = np.where(groups == 0, factor * rewards, rewards)
    exact = group_scaled(rewards, groups, epsilon=0)
    assert np.allclose(group_scaled(larger, groups, epsilon=0), exact)
    assert np.allclose(
        centred(larger, groups)[groups == 0], factor * centred(rewards, groups)[groups == 0]
    )
    assert np.allclose(batch_scaled(factor * rewards, groups, 0), batch_scaled(rewards, groups, 0))
    for group in range(4):
        assert exact[groups == group].std(ddof=1) == pytest.approx(1)


@settings(max_examples=25)
@given(SEEDS)
def test_leaving_one_out_compares_with_the_others(seed: int) -> None:
    rewards, groups = batch(seed)
    found = leave_one_out(rewards, groups)
    for i, reward in enumerate(rewards):
        others = (groups == groups[i]) & (np.arange(len(rewards)) != i)
        assert found[i] == pytest.approx(reward - rewards[others].mean())


def test_groups_without_spread_and_groups_of_one_get_0() -> None:
    for advantages in ALL:
        assert advantages([0.1, 0.1, 0.1, 5.0], [0, 0, 0, 1]).tolist() == [0, 0, 0, 0]


@settings(max_examples=25)
@given(SEEDS)
def test_terms_in_other_units_give_the_same_sum_of_advantages(seed: int) -> None:
    terms = np.random.default_rng(seed).normal(size=(12, 3))
    groups, weights = np.arange(12) // 4, np.array([1.0, 0.5, 2.0])
    found = terms_scaled(terms, groups, weights, epsilon=0)
    assert np.allclose(terms_scaled(terms * [1, 1000, 0.01], groups, weights, epsilon=0), found)
    one = terms_scaled(terms[:, :1], groups, np.ones(1))
    assert np.allclose(one, group_scaled(terms[:, 0], groups))


@settings(max_examples=25)
@given(SEEDS)
def test_the_baseline_of_one_half_is_the_mean_of_the_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rewards, groups = batch(seed)
    metric = rng.permutation(len(rewards)).astype(float)
    found = conditional(rewards, metric, groups)
    for group in range(4):
        members = groups == group
        high = members & (metric > np.median(metric[members]))
        low = members & ~high
        assert np.allclose(found[high], rewards[high] - rewards[low].mean())
        assert np.allclose(found[low], rewards[low] - rewards[high].mean())
    assert np.allclose(conditional(rewards, -metric, groups), found)
    assert np.allclose(Groups(groups).total(found), 0)
    within = conditional(rewards, metric, groups, share=0.0)
    halves = 2 * groups + [
        metric[i] > np.median(metric[groups == groups[i]]) for i in range(len(groups))
    ]
    assert np.allclose(within, centred(rewards, halves))


def test_a_preference_for_the_higher_half_has_that_direction() -> None:
    rewards, metric, groups = np.array([1.0, 0, 0, 1]), np.arange(4), np.zeros(4)
    plain = conditional(rewards, metric, groups)
    assert np.allclose(
        conditional(rewards, metric, groups, beta=0.3) - plain, [-0.3, -0.3, 0.3, 0.3]
    )
    assert np.allclose(conditional(rewards, metric, groups, alpha=2) - plain, [-0.5, -0.5, 0, 1])
    assert conditional([3.0], [1.0], [0]).tolist() == [0]


def test_groups_that_are_all_right_or_all_wrong_learn_from_entropies() -> None:
    correct, groups = np.array([1, 1, 0, 0, 1, 0]), np.array([0, 0, 1, 1, 2, 2])
    entropies = np.random.default_rng(0).uniform(0.1, 1, (6, 4))
    mask = np.arange(4) < np.array([4, 2, 4, 3, 4, 1])[:, None]
    plain = centred(correct, groups)
    found = zero_variance(
        plain, correct, np.where(mask, entropies, np.nan), mask, groups, alpha=0.1
    )
    assert np.allclose(found[:2], np.where(mask[:2], 0.1 * entropies[:2], 0))
    assert (found[2:4] <= 0).all() and (found[~mask] == 0).all()
    assert (found[2:4].argmin(axis=1) == np.where(mask, entropies, 9)[2:4].argmin(axis=1)).all()
    assert found[2].max() == 0  # the most uncertain token is not blamed
    assert np.allclose(found[4:], np.where(mask[4:], plain[4:, None], 0))


def test_the_selection_prefers_groups_that_teach() -> None:
    rewards = np.array([1, 1, 1, 0, 0, 0, 0.4, 0.5])
    groups = np.array(["a", "a", "b", "b", "c", "c", "d", "d"])
    assert (
        with_spread(rewards, groups).tolist() == [False] * 2 + [True] * 2 + [False] * 2 + [True] * 2
    )
    assert share_without_spread(rewards, groups) == 0.5
    assert groups[largest_spread(rewards, groups)].tolist() == ["b", "b"]
    assert set(groups[largest_spread(rewards, groups, 0.5)]) == {"b", "d"}
    assert largest_spread(rewards, groups, 1.0).all()


@settings(max_examples=25)
@given(SEEDS, st.floats(0.05, 1))
def test_no_group_without_spread_is_chosen_before_others(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    rewards, groups = rng.integers(0, 2, 40).astype(float), np.arange(40) // 4
    chosen = largest_spread(rewards, groups, share)
    assert len(set(groups[chosen])) == max(int(share * 10), 1)
    spread = with_spread(rewards, groups)
    assert spread[chosen].all() or chosen[spread].all()


def test_wrong_input_says_what_was_found() -> None:
    with pytest.raises(ValueError, match=r"rewards \(2,\), lengths \(3,\)"):
        per_completion(rewards=np.zeros(2), lengths=np.zeros(3))
    with pytest.raises(ValueError, match="rewards must be finite, found nan"):
        centred([np.nan, 1], [0, 0])
    with pytest.raises(ValueError, match="3 labels of groups for 2 rows"):
        centred([0, 1], [0, 0, 1])
    with pytest.raises(ValueError, match=r"shape of the mask \(2, 3\)"):
        zero_variance([0, 0], [0, 0], np.zeros((2, 2)), np.ones((2, 3)), [0, 0])
