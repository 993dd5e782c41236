"""Credit over tokens and turns: what must sum to the reward does, and limits are the simple forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.maths.group_advantages import centred
from rewardsmith.maths.token_credit import (
    ends_weighted,
    entropy_weighted,
    on_last_tokens,
    prefix_differences,
    redistribute,
    rewards_from_logits,
    shapley_segments,
    sparse_bonus,
)
from rewardsmith.maths.turn_credit import (
    act_credit,
    implicit_steps,
    merged_steps,
    outcome_targets,
    query_shaping,
    trajectory_score,
    turn_advantages,
    turn_credits,
    turn_gae,
    turn_returns,
)

SEEDS = st.integers(0, 10**6)
SHARES = st.floats(0, 1)


def tokens(seed: int, n: int = 6, length: int = 8) -> tuple[np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng, np.arange(length) < rng.integers(1, length + 1, n)[:, None]


@settings(max_examples=25)
@given(SEEDS, SHARES)
def test_redistributed_rewards_sum_to_the_reward(seed: int, share: float) -> None:
    rng, mask = tokens(seed)
    rewards, weights = rng.normal(size=6), rng.random(mask.shape)
    weights[0] = 0  # attention on nothing
    found = redistribute(rewards, np.where(mask, weights, np.nan), mask, share)
    assert np.allclose(found.sum(axis=1), rewards) and (found[~mask] == 0).all()
    last = mask.sum(axis=1) - 1
    at_end = redistribute(rewards, weights, mask, 0.0)
    assert np.allclose(at_end[np.arange(6), last], rewards)
    ratio = redistribute(rewards[1:], weights[1:], mask[1:], 1.0) * weights[1:, :1]
    assert np.allclose(
        ratio, np.where(mask, weights, 0)[1:] * redistribute(rewards, weights, mask, 1.0)[1:, :1]
    )


@settings(max_examples=25)
@given(SEEDS, SHARES)
def test_differences_of_prefixes_telescope(seed: int, share: float) -> None:
    rng, mask = tokens(seed)
    scores, empty = rng.normal(size=mask.shape), rng.normal(size=6)
    found = prefix_differences(scores, empty, mask, share)
    last = scores[np.arange(6), mask.sum(axis=1) - 1]
    assert np.allclose(found.sum(axis=1), last - empty) and (found[~mask] == 0).all()
    whole = np.cumsum(prefix_differences(scores, empty, mask), axis=1)
    assert np.allclose(whole[mask], (scores - empty[:, None])[mask])


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 5))
def test_shapley_values_sum_to_the_score_for_any_number_of_samples(seed: int, samples: int) -> None:
    table = np.random.default_rng(seed).normal(size=2**4)

    def value(kept: np.ndarray) -> np.ndarray:
        return table[kept @ (2 ** np.arange(4))]

    found = shapley_segments(value, 4, samples, seed)
    assert found.sum() == pytest.approx(table[-1] - table[0])
    weights = table[:5]
    assert np.allclose(shapley_segments(lambda kept: kept @ weights, 5, samples, seed), weights)


def test_shapley_values_find_equal_shares_of_a_pair_and_nothing_for_a_dummy() -> None:
    found = shapley_segments(lambda kept: (kept[:, 0] & kept[:, 1]).astype(float), 3, 2000, seed=0)
    assert np.allclose(found, [0.5, 0.5, 0.0], atol=0.04) and found[2] == 0


@settings(max_examples=25)
@given(SEEDS)
def test_rewards_of_steps_reach_the_last_tokens(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.sort(rng.integers(-1, 4, (5, 10)), axis=1)
    rewards = rng.normal(size=(5, 4))
    found = on_last_tokens(rewards, steps)
    for row in range(5):
        present = [step for step in range(4) if step in steps[row]]
        assert found[row].sum() == pytest.approx(rewards[row, present].sum())
        assert np.count_nonzero(found[row]) == len(present)
    with pytest.raises(ValueError, match="-1 to 3"):
        on_last_tokens(rewards, steps + 2)


@settings(max_examples=25)
@given(SEEDS)
def test_entropy_weights_keep_the_sum_at_each_position(seed: int) -> None:
    rng, mask = tokens(seed, n=12)
    correct, groups = rng.integers(0, 2, 12), np.arange(12) % 2
    entropies = rng.uniform(0, 2, mask.shape) * (rng.random(mask.shape) > 0.2)  # some are exactly 0
    found = entropy_weighted(correct, entropies, mask, groups, base=0.9, extra=0.1)
    for group in (0, 1):
        for sign in (0, 1):
            members = (groups == group) & (correct == sign)
            alive = mask[members].sum(axis=0)
            assert np.allclose(found[members].sum(axis=0), alive if sign else -alive)
    assert np.array_equal(
        entropy_weighted(correct, entropies, mask, groups, extra=0),
        np.where(mask, np.where(correct, 1, -1)[:, None], 0),
    )


def test_the_uncertain_right_and_the_sure_wrong_token_get_most() -> None:
    entropies, mask = np.array([[2.0], [0.5], [2.0], [0.5]]), np.ones((4, 1), bool)
    found = entropy_weighted([1, 1, 0, 0], entropies, mask, np.zeros(4))[:, 0]
    assert found[0] > found[1] > 0 > found[2] > found[3]


@settings(max_examples=25)
@given(SEEDS)
def test_a_sparse_bonus_reaches_few_tokens(seed: int) -> None:
    rng, mask = tokens(seed, length=20)
    signal = rng.normal(size=mask.shape)
    found = sparse_bonus(signal, mask, threshold=0.5, top=3, scale=0.01)
    assert ((found > 0).sum(axis=1) <= 3).all() and (found[~mask] == 0).all()
    assert found.min() >= 0 and found.max() <= 0.01
    assert (found[found > 0] >= 0.5 * 0.01).all()
    several = mask.sum(axis=1) > 1
    assert (found.max(axis=1)[several] == 0.01).all()
    assert np.allclose(sparse_bonus(5 * signal + 3, mask, 0.5, 3), found)
    assert (sparse_bonus(np.ones(mask.shape), mask) == 0).all()


@settings(max_examples=25)
@given(SEEDS)
def test_the_ends_weigh_more_symmetrically(seed: int) -> None:
    _, mask = tokens(seed)
    found = ends_weighted(mask, 0.5)
    for row, inside in zip(found, mask, strict=True):
        weights = row[inside]
        assert np.allclose(weights, weights[::-1]) and (row[~inside] == 0).all()
        assert weights[0] == (1.5 if len(weights) > 1 else 1.0)
        assert len(weights) % 2 == 0 or weights[len(weights) // 2] == 1


@settings(max_examples=25)
@given(SEEDS)
def test_rewards_are_recovered_from_values_and_centring_is_a_potential(seed: int) -> None:
    """All texts of 3 letters of 3: Q by backward induction, and the rewards of 5 texts from it."""
    rng = np.random.default_rng(seed)
    rewards = [rng.normal(size=(3,) * (t + 1)) for t in range(3)]  # of each letter after its prefix
    q = rewards.copy()
    for t in (1, 0):
        q[t] = rewards[t] + q[t + 1].max(axis=-1)
    texts, mask = rng.integers(0, 3, (5, 3)), np.ones((5, 3), bool)
    logits = np.stack([[q[t][tuple(text[:t])] for t in range(3)] for text in texts])
    true = np.array([[rewards[t][tuple(text[: t + 1])] for t in range(3)] for text in texts])
    assert np.allclose(rewards_from_logits(logits, texts, mask, centre=False), true)
    shifted = rewards_from_logits(logits + rng.normal(size=(5, 3, 1)), texts, mask)
    difference = shifted.sum(axis=1) - true.sum(axis=1)
    assert np.allclose(difference, difference[0])


# -------------------------------------------------------------------------------------------- turns


@settings(max_examples=25)
@given(SEEDS, SHARES, SHARES)
def test_limits_of_turn_returns_and_advantages(seed: int, gamma: float, lam: float) -> None:
    rng, mask = tokens(seed, length=5)
    rewards, values = (
        np.where(mask, rng.normal(size=mask.shape), np.nan),
        rng.normal(size=mask.shape),
    )
    plain = np.where(mask, rewards, 0)
    to_go = np.where(mask, np.cumsum(plain[:, ::-1], axis=1)[:, ::-1], 0)
    assert np.allclose(turn_returns(rewards, mask, 0.0), plain)
    assert np.allclose(turn_returns(rewards, mask, 1.0), to_go)
    returns = turn_returns(rewards, mask, gamma)
    assert np.allclose(
        turn_gae(rewards, values, mask, gamma, 1.0), np.where(mask, returns - values, 0)
    )
    after = np.where(mask, np.pad(np.where(mask, values, 0)[:, 1:], ((0, 0), (0, 1))), 0)
    one_step = np.where(mask, plain + gamma * after - values, 0)
    assert np.allclose(turn_gae(rewards, values, mask, gamma, 0.0), one_step)
    # Exact values leave no advantage, whatever lambda.
    assert np.allclose(turn_gae(rewards, returns, mask, gamma, lam), 0)
    assert np.allclose(trajectory_score(rewards, mask, "to_go", gamma), returns[:, 0])
    assert np.allclose(
        trajectory_score(rewards, mask, "mean"), plain.sum(axis=1) / mask.sum(axis=1)
    )


def test_credits_of_turns_have_the_values_of_the_paper() -> None:
    mask, rewards = np.ones((1, 3), bool), np.array([[0.0, 0.5, 1.0]])
    exponential = turn_credits(rewards, mask, "exponential")
    assert exponential[0, [0, 2]].tolist() == [0.5, 1] and 0.75 < exponential[0, 1] < 1
    assert turn_credits(rewards, mask, "equal").tolist() == [[1, 1, 1]]
    assert np.allclose(turn_credits(rewards, mask, "to_go"), [[0.4 + 0.64, 1.3, 1]])
    with pytest.raises(ValueError, match="how is"):
        turn_credits(rewards, mask, "some")  # type: ignore[arg-type]


@settings(max_examples=25)
@given(SEEDS)
def test_each_turn_sums_to_0_over_its_group(seed: int) -> None:
    rng, mask = tokens(seed, n=8, length=4)
    groups = np.arange(8) % 2
    found = turn_advantages(rng.normal(size=mask.shape), mask, groups)
    for group in (0, 1):
        assert np.allclose(found[groups == group].sum(axis=0), 0)
    one = turn_advantages(np.ones((8, 1)) * np.arange(8)[:, None], np.ones((8, 1), bool), groups)
    assert np.allclose(
        one[:, 0] / centred(np.arange(8.0), groups), 1 / np.std([0, 2, 4, 6], ddof=1)
    )


def test_targets_of_a_chain_are_powers_of_the_discount() -> None:
    mask = np.array([[1, 1, 1], [1, 1, 0]], bool)
    found = outcome_targets([1, 0], mask, gamma=0.9)
    assert np.allclose(found, [[(1 + 0.81) / 2, 0.95, 1], [0.05, 0, 0]])
    assert np.allclose(outcome_targets([0.5], mask[:1]), 0.5)
    assert outcome_targets([1], mask[:1], 0.9, from_end=False)[0, 0] == 1


@settings(max_examples=25)
@given(SEEDS)
def test_implicit_steps_sum_to_the_logit_of_dpo(seed: int) -> None:
    rng, mask = tokens(seed, n=2)
    new, old = -rng.random((2, *mask.shape))
    found = implicit_steps(new, old, mask, beta=0.1).sum(axis=1)
    ratios = [(new - old)[row][mask[row]].sum() for row in (0, 1)]
    assert found[0] - found[1] == pytest.approx(0.1 * (ratios[0] - ratios[1]))


def test_repeating_a_right_act_pays_less_and_a_wrong_one_first_does_not_count() -> None:
    acts, mask = np.array([[1, 1, 2, 1], [3, 3, 3, 3]]), np.ones((2, 4), bool)
    right = np.array([[1, 1, 1, 1], [0, 1, 1, 0]])
    assert act_credit(acts, right, mask, again=0.1).tolist() == [[1, 0.1, 1, 0.1], [-1, 1, 0.1, -1]]


@settings(max_examples=25)
@given(SEEDS)
def test_merging_is_idempotent_and_splitting_a_step_gains_nothing(seed: int) -> None:
    rng, mask = tokens(seed)
    labels = rng.integers(0, 2, mask.shape)
    units = merged_steps(labels, mask)
    assert np.array_equal(merged_steps(units, mask), units)
    both = mask[:, 1:]
    assert np.array_equal((np.diff(units) == 1)[both], (np.diff(labels) != 0)[both])
    split, double = np.repeat(labels, 2, axis=1), np.repeat(mask, 2, axis=1)
    assert np.array_equal(merged_steps(split, double), np.repeat(units, 2, axis=1))


def test_an_unsafe_query_costs_even_where_the_answer_is_right() -> None:
    mask = np.array([[1, 1], [1, 1], [0, 0]], bool)
    found = query_shaping([1, 1, 1], [[1, 1], [1, 0], [0, 0]], mask)
    assert np.allclose(found, [1.1, 1.0, 1.0])
    with pytest.raises(ValueError, match="at the beginning"):
        query_shaping([1], [[1, 1]], np.array([[0, 1]]))
