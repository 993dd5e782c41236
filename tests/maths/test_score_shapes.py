"""Shapes of a score and rubrics: the law of each, and the numbers that the papers or their code give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.maths.rubrics import (
    PLANNER_STAGES,
    all_pass,
    execution_levels,
    gated_levels,
    stage_weights,
    weighted_rubric,
)
from rewardsmith.maths.score_shapes import (
    bucketed_quantile,
    clipped_linear,
    clipped_process,
    log_sigmoid_centred,
    par,
    process_differences,
    rank_incentive,
    reference_centred,
    weibull_steps,
)

SEEDS = st.integers(0, 10**6)


@settings(max_examples=25)
@given(SEEDS, st.floats(-30, 30))
def test_par_is_bounded_rises_and_has_no_origin(seed: int, constant: float) -> None:
    rng = np.random.default_rng(seed)
    scores, references = np.sort(rng.normal(0, 5, 20)), rng.normal(0, 5, (20, 3))
    shaped = par(scores, references)
    assert ((shaped > 0) & (shaped < 1)).all()
    assert np.allclose(par(scores + constant, references + constant), shaped, atol=1e-9)
    assert (np.diff(par(scores, references[0])) > 0).all()
    assert np.allclose(par(scores, scores[:, None]), 0.5)
    naive = (1 / (1 + np.exp(-2.0 * (scores[:, None] - references)))).mean(axis=1)
    assert np.allclose(par(scores, references, steepness=2.0), naive)


def test_a_score_far_above_the_reference_gains_almost_nothing_more() -> None:
    near, far = par(np.array([1.0, 2.0]), np.zeros(1)), par(np.array([11.0, 12.0]), np.zeros(1))
    assert near[1] - near[0] > 1000 * (far[1] - far[0]) > 0
    assert np.isfinite(par(np.array([-1e6, 1e6]), np.zeros(1))).all()


@settings(max_examples=25)
@given(SEEDS)
def test_centring_twice_changes_nothing_and_the_log_sigmoid_is_that_of_the_gap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, references = rng.normal(size=10), rng.normal(size=4)
    once = reference_centred(scores, references)
    assert np.allclose(reference_centred(once, references - references.mean()), once)
    gap = scores - np.quantile(references, 0.85)
    assert np.allclose(log_sigmoid_centred(scores, references), np.log(1 / (1 + np.exp(-gap))))


def test_references_of_a_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, m\), found shape \(2, 4\)"):
        par(np.zeros(3), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="finite"):
        par(np.array([np.nan]), np.zeros(1))


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 30))
def test_no_form_of_process_reward_pays_for_repeating_a_step(seed: int, repeats: int) -> None:
    """The plain sum grows with each repetition of the best step; Clip and Delta do not."""
    scores = np.random.default_rng(seed).uniform(0.01, 1, 6)
    best = scores.argmax()
    longer = np.insert(scores, best, [scores[best]] * repeats)

    def total(of: np.ndarray, form: str) -> float:
        mask = np.ones((1, len(of)), bool)
        if form == "clip":
            return float(clipped_process(of[None], mask, threshold=0.8).sum())
        return float(process_differences(of[None], mask).sum())

    assert longer.sum() > scores.sum()
    for form in ("clip", "delta"):
        assert total(longer, form) <= total(scores, form) + 1e-9


@settings(max_examples=25)
@given(SEEDS)
def test_delta_telescopes_from_every_step_on(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, counts = rng.random((4, 7)), rng.integers(1, 8, 4)
    mask = np.arange(7) < counts[:, None]
    last = scores[np.arange(4), counts - 1]
    to_go = np.cumsum(process_differences(scores, mask)[:, ::-1], axis=1)[:, ::-1]
    assert np.allclose(to_go, np.where(mask, scores - last[:, None], 0))
    own = process_differences(scores, mask, last="score")
    assert np.allclose(np.cumsum(own[:, ::-1], axis=1)[:, ::-1], np.where(mask, scores, 0))
    with pytest.raises(ValueError, match="at the beginning"):
        process_differences(scores[:1], np.array([[0, 1, 1, 1, 1, 1, 1]]))


@settings(max_examples=25)
@given(SEEDS)
def test_a_quarter_of_each_bucket_is_best_although_values_grow_with_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 1000, 400)
    values = sizes * rng.uniform(0.5, 1.5, 400)
    labels = bucketed_quantile(values, sizes)
    buckets = [sum(size + 1 >= 2**k for k in range(1, 12)) for size in sizes.tolist()]
    for bucket in set(buckets):
        members = np.array(buckets) == bucket
        assert (labels[members] == 1).sum() == members.sum() // 4
    # Without buckets the best would be the longest.
    assert abs(np.corrcoef(labels, sizes)[0, 1]) < 0.3 < np.corrcoef(values, sizes)[0, 1]
    disliked = rng.random(400) < 0.1
    assert (bucketed_quantile(values, sizes, disliked)[disliked] == -1).all()


def test_equal_values_are_not_best_by_their_place_in_the_batch() -> None:
    assert (bucketed_quantile(np.ones(8), np.ones(8)) == 0).all()


def test_the_clipped_linear_reward_is_less_noisy_than_the_logarithm() -> None:
    assert np.allclose(clipped_linear(np.array([0.1, 0.25, 1.0]), 0.25), [0, 0, 0.75])
    noisy = np.clip(0.4 + 0.15 * np.random.default_rng(0).normal(size=20_000), 1e-3, 1)
    linear, logarithm = clipped_linear(noisy, 0.1), np.log(noisy) - np.log(0.1)
    assert linear.std() / linear.mean() < logarithm.std() / logarithm.mean()
    with pytest.raises(ValueError, match="probabilities"):
        clipped_linear(np.array([1.2]), 0.5)


def test_the_rank_incentive_has_the_corners_of_the_paper() -> None:
    ranks = np.array([1, 10, 55, 100, 101, np.inf])
    assert np.allclose(rank_incentive(ranks), [2, 1, 0.5, 0, 0, 0])
    assert (np.diff(rank_incentive(np.arange(1.0, 200))) <= 1e-12).all()
    with pytest.raises(ValueError, match="at least 1"):
        rank_incentive(np.array([0.0]))


def test_the_weibull_shape_has_its_peak_of_1_where_the_formula_says() -> None:
    steps = np.linspace(0, 40, 40_001)
    shaped = weibull_steps(steps)
    assert steps[shaped.argmax()] == pytest.approx(8 * (0.5 / 1.5) ** (1 / 1.5), abs=1e-3)
    assert shaped.max() == pytest.approx(1.0, abs=1e-4) and shaped[0] == 0


@settings(max_examples=25)
@given(SEEDS)
def test_rubrics_rise_with_every_item(seed: int) -> None:
    rng = np.random.default_rng(seed)
    items, weights = rng.integers(0, 2, (20, 5)), rng.integers(1, 4, 5)
    better = items.copy()
    better[:, rng.integers(5)] = 1
    assert (weighted_rubric(better, weights) >= weighted_rubric(items, weights)).all()
    assert (all_pass(better) >= all_pass(items)).all()
    assert ((weighted_rubric(items, weights) == 1) == (all_pass(items) == 1)).all()
    assert (all_pass(np.hstack([items, better])) <= all_pass(items)).all()


def test_an_invalid_form_is_worth_nothing_and_the_last_stage_is_the_pass() -> None:
    levels, valid = np.array([[0.5, 1, 1, 0, 0], [1, 1, 1, 1, 1.0]]), np.array([1, 0])
    assert np.allclose(gated_levels(valid, levels, stage_weights(0.0)), [2.5, 0])
    assert np.allclose(gated_levels([1, 1], levels, stage_weights(1.0)), levels[:, 4])
    assert [stage_weights(p)[0] for p in (0.0, 0.33, 0.34)] == [1, 1, 0]
    assert len(PLANNER_STAGES) == 3
    with pytest.raises(ValueError, match=r"shape \(2, 4\)"):
        gated_levels(valid, levels, (1, 1, 1, 1))


def test_execution_has_three_levels() -> None:
    assert execution_levels([0, 1, 1], [0, 0, 1]).tolist() == [0, 0.1, 1]
    with pytest.raises(ValueError, match="must also run"):
        execution_levels([0], [1])
