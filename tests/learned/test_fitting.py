"""Fits of reward models: what they learn from how many pairs, and what they report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rewardsmith.errors import UsageError
from rewardsmith.learned.fitting import fit_preferences
from rewardsmith.learned.model import Input, RewardModel
from rewardsmith.learned.network import StackedNetworks
from rewardsmith.learned.pairs import Pairs
from rewardsmith.learned.settings import FitSettings
from tests.support.preferences import accuracy, judged

SMALL = FitSettings(members=2, hidden=(16,), steps=60)


def changed(**changes: Any) -> FitSettings:
    return SMALL.model_copy(update=changes)


def test_200_pairs_with_a_tenth_of_wrong_labels_order_new_pairs() -> None:
    """The defaults, on 6-dimensional linear rewards: at least 0.90 on average (0.95 was measured)."""
    found, reported = [], []
    for seed in range(4):
        segments, pairs, weights = judged(seed, pairs=200, flips=0.1)
        fit = fit_preferences(segments, pairs)
        found.append(accuracy(fit.model, weights))
        reported.append(fit.accuracy)
    assert np.mean(found) >= 0.92 and min(found) >= 0.90
    # on labels of which a tenth is wrong: 0.9 * 0.95 + 0.1 * 0.05
    assert np.mean(reported) == pytest.approx(0.86, abs=0.04)


def test_segments_of_50_steps_are_learned_too() -> None:
    segments, pairs, weights = judged(0, pairs=100, steps=50)
    fit = fit_preferences(segments, pairs, settings=FitSettings(hidden=(16,), steps=120))
    assert accuracy(fit.model, weights, steps=50) > 0.85
    x = {"x": np.concatenate([segment["x"] for segment in segments])}
    assert (
        np.corrcoef(fit.model(x), x["x"] @ weights)[0, 1] > 0.9
    )  # single steps are rewarded rightly


def test_of_long_segments_some_transitions_stand_for_the_others() -> None:
    """Whole episodes: a slow signal counts as often as it is there, and so does the end."""
    rng = np.random.default_rng(0)
    segments = []
    for length in rng.integers(300, 600, 80):
        slow = np.repeat(rng.normal(size=10), 60)[:length]
        ends = np.arange(length) == length - 1
        segments.append({"slow": slow, "ends": ends * rng.choice([-40.0, 40.0])})
    worth = np.array([one["slow"].sum() + one["ends"].sum() for one in segments])
    first, second = rng.integers(80, size=(2, 400))
    chosen = first != second
    first, second = first[chosen], second[chosen]
    pairs = Pairs.of(first, second, (worth[first] > worth[second]).astype(float))
    ratios = []
    for most in (50, 600):
        settings = FitSettings(hidden=(), reduction="sum", steps=200, most_steps=most)
        model = fit_preferences(segments, pairs, settings=settings).model
        learned = np.array([model(segment).sum() for segment in segments])
        assert np.mean((learned[first] > learned[second]) == (worth[first] > worth[second])) >= 0.9
        end = model({"slow": np.zeros(2), "ends": np.array([0.0, 40.0])})
        slow = model({"slow": np.array([0.0, 1.0]), "ends": np.zeros(2)})
        ratios.append((end[1] - end[0]) / (slow[1] - slow[0]))
    assert ratios[0] == pytest.approx(ratios[1], rel=0.3), "the end stands for itself alone"


def test_equal_seeds_give_equal_bits_and_others_do_not() -> None:
    segments, pairs, _ = judged(0, pairs=40)
    one, same = (fit_preferences(segments, pairs, settings=SMALL) for _ in range(2))
    assert one.model.model_dump_json() == same.model.model_dump_json()
    assert np.array_equal(one.losses, same.losses)
    drawn = [  # all pairs at once and none held out: only the first weights are drawn
        fit_preferences(segments, pairs, settings=changed(seed=seed, validation=0, batch=40))
        for seed in (1, 2)
    ]
    assert drawn[0].model.model_dump_json() != drawn[1].model.model_dump_json()


@pytest.mark.parametrize("aggregate", ["mean", "min"])
def test_rewards_have_mean_0_and_deviation_1_over_the_transitions(aggregate: str) -> None:
    segments, pairs, _ = judged(0, pairs=40, steps=3)
    fit = fit_preferences(segments, pairs, settings=changed(aggregate=aggregate, pessimism=0.5))
    rewards = fit.model({"x": np.concatenate([segment["x"] for segment in segments])})
    assert abs(rewards.mean()) < 1e-5 and abs(rewards.std() - 1) < 1e-5
    assert fit.model.aggregate == aggregate and fit.model.pessimism == 0.5


def test_the_model_computes_what_torch_does() -> None:
    networks = StackedNetworks(3, 4, (8, 8), 0, torch.Generator().manual_seed(0))
    model = RewardModel(
        inputs=(Input(name="x", size=4),),
        centre=(0.0,) * 4,
        scale=(1.0,) * 4,
        members=networks.layers([0.5] * 3, [2.0] * 3),
    )
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    with torch.no_grad():
        expected = (networks(torch.from_numpy(x)).rewards.numpy() - 0.5) / 2.0
    assert np.abs(model.member_rewards({"x": x}) - expected).max() < 1e-5


def lengths_task() -> tuple[list[dict[str, np.ndarray]], Pairs]:
    """Segments of 5 to 40 steps; the shorter one is better, and each step looks alike."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 41, 200)
    segments = [{"x": rng.normal(size=(n, 2))} for n in lengths]
    first, second = np.arange(100), np.arange(100, 200)
    return segments, Pairs.of(first, second, (lengths[first] < lengths[second]).astype(float))


def test_only_the_sum_learns_a_cost_per_step() -> None:
    segments, pairs = lengths_task()
    every = {"x": np.concatenate([segment["x"] for segment in segments])}
    summed = fit_preferences(segments, pairs, settings=changed(reduction="sum"))
    rewards = summed.model(every)
    assert rewards.mean() < -1 and rewards.std() == pytest.approx(1, abs=1e-5)
    returns = np.array([summed.model(segment).sum() for segment in segments])
    assert np.mean((returns[pairs.first] > returns[pairs.second]) == pairs.label) > 0.85
    mean = fit_preferences(segments, pairs, settings=changed(reduction="mean"))
    assert abs(mean.model(every).mean()) < 1e-5 and mean.accuracy < 0.7


def test_the_mean_orders_segments_of_different_lengths_by_their_steps() -> None:
    rng = np.random.default_rng(0)
    segments = [{"x": rng.normal(size=(n, 2)) + rng.normal()} for n in rng.integers(3, 30, 120)]
    means = np.array([segment["x"][:, 0].mean() for segment in segments])
    first, second = np.arange(60), np.arange(60, 120)
    fit = fit_preferences(
        segments,
        Pairs.of(first, second, (means[first] > means[second]).astype(float)),
        settings=SMALL,
    )
    learned = np.array([fit.model(segment).mean() for segment in segments])
    assert np.corrcoef(learned, means)[0, 1] > 0.9


def test_equal_lengths_make_both_reductions_the_same_fit() -> None:
    segments, pairs, _ = judged(0, pairs=30, steps=4)
    one, other = (
        fit_preferences(segments, pairs, settings=changed(reduction=how)) for how in ("mean", "sum")
    )
    assert np.allclose(one.losses, other.losses, atol=1e-5)


def test_the_final_form_reads_only_last_transitions() -> None:
    segments, pairs, _ = judged(0, pairs=60, d=2, steps=3)
    last = np.array([segment["x"][-1, 0] for segment in segments])
    pairs = pairs._replace(label=(last[pairs.first] > last[pairs.second]).astype(float))
    fit = fit_preferences(segments, pairs, settings=changed(form="final"))
    learned = np.array([fit.model(segment)[-1] for segment in segments])
    assert np.corrcoef(learned, last)[0, 1] > 0.9
    noise = [
        {"x": np.concatenate([np.zeros((5, 2)) + 9, segment["x"][-1:]])} for segment in segments
    ]
    assert np.array_equal(
        fit_preferences(noise, pairs, settings=changed(form="final")).losses.shape, fit.losses.shape
    )


def test_the_regret_form_finds_the_reward_behind_given_values() -> None:
    """Labels follow the summed advantages of a chain, whose values are known."""
    rng, gamma = np.random.default_rng(0), 0.9
    values = np.append(gamma ** np.arange(4, -1, -1.0), 0.0)  # of states 0 to 4, and after the goal
    segments, ends, regrets = [], [], []
    for _ in range(300):
        state, rows, total = int(rng.integers(5)), [], 0.0
        start = state
        for step in range(3):
            right = bool(rng.random() < 0.5)
            after = min(state + 1, 5) if right else max(state - 1, 0)
            reward = float(state == 4 and right)
            total += gamma**step * (reward + gamma * values[after] - values[state])
            rows.append(state * 2 + right if state < 5 else 10)
            state = after if state < 5 else 5
        segments.append({"cell": np.array(rows)})
        ends.append((values[start], values[state]))
        regrets.append(total)
    regret = np.array(regrets)
    first, second = np.arange(150), np.arange(150, 300)
    label = 1 / (1 + np.exp(-(regret[first] - regret[second])))
    fit = fit_preferences(
        segments,
        Pairs.of(first, second, label),
        inputs=[Input(name="cell", size=1, categories=11)],
        settings=FitSettings(
            form="regret",
            gamma=gamma,
            hidden=(),
            noise=0,
            validation=0,
            weight_decay=0,
            members=1,
            steps=600,
            batch=300,
            learning_rate=0.02,
            evaluate_every=600,
        ),
        values=np.array(ends),
    )
    found = fit.model({"cell": np.arange(11)})
    assert np.allclose(found[:9], found[:9].mean(), atol=0.1)  # no other step is rewarded
    assert found[9] - found[:9].mean() == pytest.approx(1.0, abs=0.1)  # the step to the goal
    assert (fit.model.shift, fit.model.spread) == (0.0, 1.0)


def test_discrete_actions_are_categories() -> None:
    rng = np.random.default_rng(0)
    worth = np.array([0.0, 2.0, -1.0, 1.0])  # no function of the number that is monotone
    segments = [{"action": rng.integers(4, size=5)} for _ in range(200)]
    returns = np.array([worth[segment["action"]].sum() for segment in segments])
    first, second = np.arange(100), np.arange(100, 200)
    fit = fit_preferences(
        segments,
        Pairs.of(
            first,
            second,
            (returns[first] > returns[second]) + 0.5 * (returns[first] == returns[second]),
        ),
        inputs=[Input(name="action", size=1, categories=4)],
        settings=SMALL,
    )
    assert np.argsort(fit.model({"action": np.arange(4)})).tolist() == [2, 0, 3, 1]


def test_weights_count_and_pairs_without_weight_do_not() -> None:
    segments, pairs, weights = judged(0, pairs=120)
    wrong = pairs._replace(label=np.where(np.arange(120) < 60, 1 - pairs.label, pairs.label))
    trusted = wrong._replace(weight=(np.arange(120) >= 60).astype(float))
    fit = fit_preferences(segments, trusted, settings=SMALL)
    assert fit.pairs == 60 and accuracy(fit.model, weights) > 0.85
    assert accuracy(fit_preferences(segments, wrong, settings=SMALL).model, weights) < 0.7


def test_a_large_difference_of_scores_leaves_everything_finite() -> None:
    segments = [{"x": np.array([[1e4 * place]])} for place in range(4)]
    fit = fit_preferences(
        segments,
        Pairs.of([0, 1, 2], [1, 2, 3], [1, 0, 1]),
        settings=changed(form="regret", noise=0.0, weight_decay=0.0, learning_rate=50.0),
        values=np.array([[0.0, 1e4 * place] for place in range(4)]),
    )
    assert np.isfinite(fit.losses[:, :2]).all() and np.isfinite(fit.model(segments[3])).all()
    assert fit.losses[:, 1].max() <= 50.0 + 1e-3


def test_members_disagree_more_where_no_segment_was() -> None:
    segments, pairs, _ = judged(0, pairs=100, d=2)
    model = fit_preferences(segments, pairs, settings=changed(members=5, hidden=(32, 32))).model
    rng = np.random.default_rng(0)
    near, far = (
        model.member_rewards({"x": scale * rng.normal(size=(500, 2))}).std(axis=0).mean()
        for scale in (1, 5)
    )
    assert near > 0.01 and far > 1.5 * near


def test_without_held_out_pairs_nothing_is_claimed() -> None:
    segments, pairs, _ = judged(0, pairs=8)
    fit = fit_preferences(segments, pairs, settings=SMALL)
    assert (
        np.isnan([fit.accuracy, fit.calibration_error]).all() and np.isnan(fit.losses[:, 2]).all()
    )
    assert fit.losses[:, 0].tolist() == [20, 40, 60] and fit.losses[-1, 1] < fit.losses[0, 1]


def test_held_out_pairs_stop_a_fit_to_noise() -> None:
    segments, pairs, _ = judged(0, pairs=100)
    noise = pairs._replace(label=np.random.default_rng(0).integers(2, size=100).astype(float))
    settings = changed(steps=200, hidden=(64,), noise=0.0, weight_decay=0.0, learning_rate=0.02)
    stopped = fit_preferences(segments, noise, settings=settings)
    assert abs(stopped.accuracy - 0.5) < 0.2 and stopped.calibration_error < 0.25
    free = fit_preferences(segments, noise, settings=settings.model_copy(update={"validation": 0}))
    x = np.concatenate([segment["x"] for segment in segments])
    learned = []
    for fit in (stopped, free):
        rewards = fit.model({"x": x})
        learned.append(np.mean((rewards[:100] > rewards[100:]) == noise.label))
    assert learned[1] > 0.9 > 0.8 > learned[0]


def test_segments_that_do_not_fit_are_refused() -> None:
    segments, pairs, _ = judged(0, pairs=4)
    with pytest.raises(UsageError, match="found none"):
        fit_preferences([], pairs)
    with pytest.raises(UsageError, match=r"segment 7: .*'x', which is missing"):
        fit_preferences([*segments[:-1], {"y": np.zeros((1, 6))}], pairs)
    with pytest.raises(UsageError, match=r"segment 0: .*not finite"):
        fit_preferences([{"x": np.full((1, 6), np.nan)}, *segments[1:]], pairs)
    with pytest.raises(UsageError, match=r"segment 2: .*found none"):
        fit_preferences([*segments[:2], {"x": np.zeros((0, 6))}, *segments[3:]], pairs)
    with pytest.raises(UsageError, match="found text"):
        fit_preferences([segment | {"text": np.array(["a"])} for segment in segments], pairs)
    with pytest.raises(UsageError, match=r"needs `values` of shape \(8, 2\)"):
        fit_preferences(segments, pairs, settings=changed(form="regret"))
