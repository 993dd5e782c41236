"""Further losses of a fit, each on a case in which it shows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from rewardsmith.errors import UsageError
from rewardsmith.learned.extras import (
    Batch,
    Extra,
    Outputs,
    correlation,
    gradient_penalty,
    nuisance,
    prior,
    second_head,
    segment_means,
    smoothing,
)
from rewardsmith.learned.fitting import Fit, fit_preferences
from rewardsmith.learned.model import Input
from rewardsmith.learned.pairs import Pairs
from rewardsmith.learned.settings import FitSettings
from tests.support.preferences import accuracy, judged

SMALL = FitSettings(members=2, hidden=(16,), steps=80)


# ------------------------------------------------------------------------------------- ODIN


class Biased:
    """Items judged by quality + 2 * length, which features show in a mixture."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.quality, self.length = rng.normal(size=(2, 400))
        mixture = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        self.x = np.column_stack([self.quality, self.length, rng.normal(size=400)]) @ mixture
        score = self.quality + 2 * self.length
        first = rng.integers(400, size=400)
        second = (first + rng.integers(1, 400, size=400)) % 400
        better = rng.random(400) < 1 / (1 + np.exp(score[second] - score[first]))
        self.pairs = Pairs.of(first, second, better.astype(float))

    def correlations(self, *extras: Extra) -> tuple[float, float]:
        """Of the learned reward: with the length, and with the quality."""
        settings = FitSettings(batch=128, learning_rate=0.02, steps=300)
        fit = fit_preferences(
            [{"x": row[None]} for row in self.x], self.pairs, None, settings, extras
        )
        rewards = fit.model({"x": self.x})
        of = (np.corrcoef(rewards, other)[0, 1] for other in (self.length, self.quality))
        return next(of), next(of)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_second_output_takes_up_the_length(seed: int) -> None:
    biased = Biased(seed)
    length, quality = biased.correlations()
    assert length > 0.8 and quality < 0.6
    length, quality = biased.correlations(nuisance(biased.length))
    assert abs(length) < 0.1 and quality > 0.8


# ------------------------------------------------------------------------------------ PRIOR


def with_prior(pairs: int, weights: str, seed: int) -> float:
    segments, compared, true = judged(seed, pairs, d=20, steps=20)
    wrong = np.where(np.arange(20) < 10, true, -true)
    extras = {"none": [], "right": [prior(true)], "half wrong": [prior(wrong)]}[weights]
    fit = fit_preferences(segments, compared, None, FitSettings(hidden=(32,), seed=seed), extras)
    return accuracy(fit.model, true, steps=20)


def test_the_right_prior_replaces_pairs_and_a_wrong_one_does_harm() -> None:
    """20 features. Measured with seeds 0 to 2: 10 pairs .66, 160 pairs .90, 10 with prior .96."""
    right = np.mean([with_prior(10, "right", seed) for seed in range(2)])
    plain = np.mean([with_prior(10, "none", seed) for seed in range(2)])
    wrong = np.mean([with_prior(10, "half wrong", seed) for seed in range(2)])
    assert right >= with_prior(100, "none", 0) and right > plain + 0.15
    assert wrong < plain


# -------------------------------------------------------------------------------------- GRM


def test_a_second_head_of_weight_0_changes_no_bit() -> None:
    segments, pairs, _ = judged(0, pairs=40, steps=3)
    targets = [segment["x"] ** 2 for segment in segments]
    plain = fit_preferences(segments, pairs, settings=SMALL)
    idle = fit_preferences(segments, pairs, settings=SMALL, extras=[second_head(targets, 0.0)])
    busy = fit_preferences(segments, pairs, settings=SMALL, extras=[second_head(targets, 0.3)])
    assert plain.model.model_dump_json() == idle.model.model_dump_json()
    assert plain.model.model_dump_json() != busy.model.model_dump_json()


def shifted_accuracy(seed: int, *extras_of: Any) -> float:
    """Two features agree where the pairs are, the second head's task needs the first one only."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=(80, 1))
    x = np.column_stack([cause + 0.02 * rng.normal(size=(80, 1)), rng.normal(size=(80, 4))])
    first, second = np.arange(40), np.arange(40, 80)
    pairs = Pairs.of(first, second, (cause[first, 0] > cause[second, 0]).astype(float))
    extras = [second_head([row[None] for row in cause], 0.3)] if extras_of else []
    segments = [{"x": row[None]} for row in x]
    fit = fit_preferences(segments, pairs, settings=SMALL, extras=extras)
    true = rng.normal(size=2000)
    new = np.column_stack([true, 2 * rng.normal(size=(2000, 4))])  # the distractors vary more
    rewards = fit.model({"x": new})
    return float(np.mean((rewards[:1000] > rewards[1000:]) == (true[:1000] > true[1000:])))


def test_a_second_task_helps_on_shifted_inputs() -> None:
    plain = np.mean([shifted_accuracy(seed) for seed in range(4)])
    helped = np.mean([shifted_accuracy(seed, True) for seed in range(4)])
    assert helped > plain


# -------------------------------------------------------------------------------------- IDS


class Arms:
    """10 problems of 20 arms each, compared with long tails: a few arms often, most seldom.

    All problems are fitted at once: their arms are different categories, and Adam keeps the
    steps of one parameter apart from those of the others. Standardised, the column of one of 200
    categories is 3.2 times as large as that of one of 20, so the learning rate of the defaults is
    divided by 3.2.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.worth = rng.normal(size=(10, 20))
        chance = 1 / np.arange(1, 21)
        drawn = rng.choice(20, size=(10, 300, 2), p=chance / chance.sum())
        problem, pair = np.nonzero(drawn[..., 0] != drawn[..., 1])
        arms = drawn[problem, pair].T
        gap = self.worth[problem, arms[0]] - self.worth[problem, arms[1]]
        better = rng.random(len(gap)) < 1 / (1 + np.exp(-gap))
        first, second = arms + 20 * problem
        self.pairs = Pairs.of(first, second, better.astype(float))

    def test_loss(self, beta: float) -> float:
        """The expected loss on all pairs of arms alike, without early stopping."""
        settings = FitSettings(
            form="regret",
            hidden=(),
            members=1,
            noise=0,
            validation=0,
            weight_decay=0,
            steps=600,
            batch=10_000,
            evaluate_every=600,
            learning_rate=1.6e-3,
        )
        segments = [{"arm": np.array([arm])} for arm in range(200)]
        arm = Input(name="arm", size=1, categories=200)
        zeros = np.zeros((200, 2))
        fit = fit_preferences(segments, self.pairs, [arm], settings, [smoothing(beta)], zeros)
        found = fit.model({"arm": np.arange(200)}).reshape(10, 20)
        first, second = np.triu_indices(20, 1)
        true = 1 / (1 + np.exp(self.worth[:, second] - self.worth[:, first]))
        gap = found[:, first] - found[:, second]
        return float((true * np.logaddexp(0, -gap) + (1 - true) * np.logaddexp(0, gap)).mean())


def test_smoothing_helps_by_a_hundredth_a_step_and_harms_by_a_third() -> None:
    arms = Arms()
    plain, little, much = (arms.test_loss(beta) for beta in (0.0, 0.01, 0.3))
    assert little < plain - 0.005 and much > plain + 0.02


def test_labels_that_are_seldom_seen_move_and_others_stay() -> None:
    found = smoothing(0.1).relabelled(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
    assert torch.allclose(found, torch.tensor([[0.95, 0.05]]))


# ------------------------------------------------------------------------- gradient penalty


def steepest(fit: Fit) -> float:
    """The largest slope of the reward along a line through a jump, in units of its deviation."""
    line = np.linspace(-2, 2, 801)
    rewards = fit.model({"x": np.column_stack([line, np.zeros(801)])})
    return float(np.abs(np.diff(rewards)).max() / (line[1] - line[0]))


def test_a_gradient_penalty_flattens_a_jump() -> None:
    rng = np.random.default_rng(0)
    segments = [{"x": rng.uniform(-2, 2, size=(1, 2))} for _ in range(300)]
    good = np.array([float(segment["x"][0, 0] > 0) for segment in segments])
    first, second = np.arange(150), np.arange(150, 300)
    pairs = Pairs.of(first, second, 0.5 + 0.5 * (good[first] - good[second]))
    settings = FitSettings(hidden=(32, 32), steps=150, noise=0.0, weight_decay=0.0)
    plain = fit_preferences(segments, pairs, settings=settings)
    smooth = fit_preferences(segments, pairs, settings=settings, extras=[gradient_penalty(10.0)])
    assert steepest(smooth) < 0.7 * steepest(plain)
    assert smooth.accuracy > 0.9


# ------------------------------------------------------------------------------ one trainer


def test_extras_of_ones_own_and_several_at_once() -> None:
    class Zero(Extra):
        """Draws rewards to 0, and records what it was given."""

        shapes: ClassVar[set[tuple[int, ...]]] = set()

        def __call__(self, features: Any, outputs: Outputs, batch: Batch) -> Any:
            k, n, d = features.shape
            assert (k, d) == (2, 6) and outputs.rewards.shape == (k, n)
            assert outputs.scores.shape == (k, len(batch.segments)) and len(batch.rows) == n
            assert torch.equal(
                batch.segments[batch.first] < 40, torch.ones(len(batch.pairs), dtype=bool)
            )
            self.shapes.add(outputs.heads.shape[2:])
            return (outputs.rewards**2).mean(dim=1)

    segments, pairs, weights = judged(0, pairs=40, steps=3)
    zero = Zero()
    together = [nuisance(segment_means(segments, "length")), zero, prior(weights), smoothing()]
    fit = fit_preferences(segments, pairs, settings=SMALL, extras=together)
    assert zero.shapes == {(0,)} and accuracy(fit.model, weights, steps=3) > 0.9


def test_correlation_is_pearsons() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 30)), rng.normal(size=30)
    found = correlation(torch.from_numpy(one), torch.from_numpy(other)).numpy()
    assert np.allclose(found, [np.corrcoef(row, other)[0, 1] for row in one])
    assert correlation(torch.ones(1, 5), torch.arange(5.0)).item() == 0


def test_means_of_segments() -> None:
    segments = [{"x": np.array([1.0, 3.0])}, {"x": np.array([5.0])}]
    assert segment_means(segments, "x").tolist() == [2, 5]
    assert segment_means(segments, "length").tolist() == [2, 1]
    with pytest.raises(UsageError, match="segment 0 has no column 'y'"):
        segment_means(segments, "y")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (nuisance([1.0]), r"nuisance: expected finite numbers of shape \(8,\), found \(1,\)"),
        (prior([1.0]), r"prior: .*\(6,\), found \(1,\)"),
        (prior([0.0] * 6), "weight other than 0"),
        (second_head([np.zeros(2)] * 8), "targets of 8 segments"),
    ],
)
def test_extras_that_do_not_fit_are_refused(extra: Extra, message: str) -> None:
    segments, pairs, _ = judged(0, pairs=4)
    with pytest.raises(UsageError, match=message):
        fit_preferences(segments, pairs, extras=[extra])


def test_settings_of_extras_are_checked() -> None:
    with pytest.raises(UsageError, match="beta"):
        smoothing(2.0)
    with pytest.raises(UsageError, match="weight in"):
        second_head([np.zeros(3)], 1.0)
    with pytest.raises(UsageError, match="same number of columns"):
        second_head([np.zeros((3, 1)), np.zeros((3, 2))])
