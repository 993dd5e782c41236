"""Labels without people, calls of tools, and direct alignment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.maths.direct_alignment import alpha_reward, reward_matching_loss
from rewardsmith.maths.score_shapes import semantic_similarity
from rewardsmith.maths.self_labels import NO_ANSWER, best_and_worst, cross_votes, majority_share
from rewardsmith.maths.tool_calls import ToolCall, tool_call_reward

SEEDS = st.integers(0, 10**6)
FORMS = ("squared", "backward_kl", "forward_kl")


@settings(max_examples=25)
@given(SEEDS)
def test_swapping_a_question_and_its_paraphrase_swaps_the_rewards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answers, groups = rng.integers(-1, 3, 24), np.arange(24) // 8
    asked = np.tile([0, 0, 0, 0, 1, 1, 1, 1], 3)
    found = cross_votes(answers, asked, groups)
    assert np.array_equal(cross_votes(answers, 1 - asked, groups), found)
    assert (found[answers == NO_ANSWER] == 0).all()
    for group in range(3):
        for form in (0, 1):
            own, other = ((groups == group) & (asked == f) for f in (form, 1 - form))
            counts = [(answers[other] == value).sum() for value in range(3)]
            if max(counts):
                assert np.array_equal(found[own], answers[own] == np.argmax(counts))


def test_a_majority_of_the_same_form_does_not_count() -> None:
    assert cross_votes([1, 1, 2, 2], [0, 0, 1, 1], np.zeros(4)).tolist() == [0, 0, 0, 0]
    assert cross_votes([NO_ANSWER, NO_ANSWER], [0, 1], [0, 0]).tolist() == [0, 0]
    assert majority_share([1, 1, 2, NO_ANSWER, 3, 3], [0, 0, 0, 0, 1, 1]).tolist() == [0.5, 1]
    with pytest.raises(ValueError, match="ids"):
        cross_votes([0.5], [0], [0])


def test_a_pair_needs_a_difference() -> None:
    pairs = best_and_worst([1, 1, 4, 0, 2], ["a", "a", "b", "b", "b"])
    assert pairs.tolist() == [[2, 3]]
    assert best_and_worst([1, 1], [0, 0]).shape == (0, 2)


WANTED = [ToolCall("find", {"city": "Rome", "day": 1}), ToolCall("book", {"room": 7})]


def test_the_reward_of_calls_has_the_ends_of_the_paper() -> None:
    assert tool_call_reward(WANTED, WANTED) == tool_call_reward(WANTED[::-1], WANTED) == 3
    assert tool_call_reward(None, WANTED) == tool_call_reward([], WANTED) == -3
    assert tool_call_reward([ToolCall("pay", {"city": "Rome"})], WANTED) == -3
    assert tool_call_reward([], []) == 3
    half = tool_call_reward(WANTED[:1], WANTED)
    assert half == pytest.approx(6 * (1 / 2 + 1 + 2) / 6 - 3)


def test_a_better_argument_raises_the_reward_and_a_further_call_lowers_it() -> None:
    wrong = [ToolCall("find", {"town": "Rome"}), WANTED[1]]
    named = [ToolCall("find", {"city": "Oslo", "day": 2}), WANTED[1]]
    one = [ToolCall("find", {"city": "Rome", "day": 2}), WANTED[1]]
    rewards = [tool_call_reward(calls, WANTED) for calls in (wrong, named, one, WANTED)]
    assert rewards == sorted(set(rewards))
    assert tool_call_reward([*WANTED, ToolCall("find", {})], WANTED) < 3


def test_calls_are_matched_as_well_as_possible() -> None:
    """Taken in order, the first reference would take the call that only the second fits fully."""
    wanted = [ToolCall("f", {"a": 1, "b": 2}), ToolCall("f", {"a": 1, "b": 2, "c": 3})]
    found = tool_call_reward([wanted[1], ToolCall("f", {"a": 1})], wanted)
    assert found == pytest.approx(6 * (1 + (1 / 2 + 1) + 4) / 8 - 3)


@settings(max_examples=25)
@given(SEEDS)
def test_matching_losses_are_0_exactly_at_the_match_and_pull_towards_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reward = rng.normal(0, 2, 8)
    match = reward / 0.2
    for form in FORMS:
        assert np.allclose(reward_matching_loss(match, reward, form), 0, atol=1e-12)  # type: ignore[arg-type]
        for side in (-1, 1):
            near, far = (
                reward_matching_loss(match + side * step, reward, form)  # type: ignore[arg-type]
                for step in (0.5, 2.0)
            )
            assert (far > near).all() and (near > 0).all()


def test_a_large_reward_gap_gives_the_loss_of_dpo() -> None:
    gaps = np.array([-30.0, 0.0, 4.0])
    found = reward_matching_loss(gaps, np.full(3, 60.0), "backward_kl", beta=0.1)
    assert np.allclose(found, np.log1p(np.exp(-0.1 * gaps)))


def test_alpha_0_is_the_limit_and_probability_1_pays_0() -> None:
    logp = -np.linspace(0, 5, 20)
    assert np.allclose(alpha_reward(logp, 1e-8), alpha_reward(logp, 0.0), atol=1e-6)
    assert np.array_equal(alpha_reward(logp, 0.0), logp)
    assert np.allclose(alpha_reward(logp, 0.5), (1 - np.exp(logp) ** -0.5) / 0.5)
    with pytest.raises(ValueError, match="at most 0"):
        alpha_reward([0.1], 1.0)


def test_similarity_is_1_for_the_same_text_and_0_for_an_empty_one() -> None:
    rows = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 0.0]])
    references = np.array([[6.0, 8.0], [0.0, 2.0], [1.0, 1.0]])
    assert np.allclose(semantic_similarity(rows, references), [1, 0, 0])
