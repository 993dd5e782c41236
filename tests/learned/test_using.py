"""What is done with a learned reward: thresholds, counts, relabelling, and warnings about it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rewardsmith.errors import UsageError
from rewardsmith.learned.advantage import acts_as_advantage
from rewardsmith.learned.fitting import fit_preferences
from rewardsmith.learned.motif import (
    divided_by_counts,
    episodic_counts,
    quantile_threshold,
    with_threshold,
)
from rewardsmith.learned.overoptimisation import (
    GoldCurve,
    best_of_n_kl,
    gold_curve,
    parting_step,
    tail_accuracy,
)
from rewardsmith.learned.settings import FitSettings
from tests.support.preferences import judged

# ------------------------------------------------------------------------------------ Motif


def test_a_threshold_is_taken_over_distinct_states() -> None:
    segments, pairs, _ = judged(0, pairs=20, d=2)
    model = fit_preferences(segments, pairs, settings=FitSettings(hidden=(8,), steps=40)).model
    distinct = np.random.default_rng(0).normal(size=(101, 2))
    rewards = model({"x": distinct})
    often = np.concatenate([distinct, np.repeat(distinct[[rewards.argmax()]], 900, axis=0)])
    cut = with_threshold(model, {"x": often})
    assert cut.post is not None and cut.post.below == pytest.approx(np.median(rewards))
    assert np.array_equal(cut({"x": distinct}), np.where(rewards < np.median(rewards), 0, rewards))
    assert (cut({"x": distinct}) == 0).sum() == 50
    assert with_threshold(cut, {"x": often}) == cut  # of the plain rewards, again
    with pytest.raises(UsageError, match="at least one"):
        quantile_threshold(np.zeros(0), [])


def test_what_is_seen_again_in_an_episode_counts_less() -> None:
    keys, first = list("abaaab"), np.array([True, False, False, False, True, False])
    counts = episodic_counts(keys, first)
    assert counts.tolist() == [1, 1, 2, 3, 1, 1]
    assert np.allclose(divided_by_counts(np.full(6, 54.0), counts), [54, 54, 6.75, 2, 54, 54])


def test_stored_transitions_get_the_rewards_of_the_model() -> None:
    """Relabelling a buffer in chunks is what the model gives each transition alone, to 1e-6."""
    segments, pairs, _ = judged(0, pairs=20, d=3)
    model = fit_preferences(segments, pairs, settings=FitSettings(hidden=(8,), steps=40)).model
    buffer = {"x": np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)}
    chunks = [model({"x": buffer["x"][start : start + 300]}) for start in range(0, 1000, 300)]
    relabelled = np.concatenate(chunks)
    alone = np.concatenate([model({"x": row[None]}) for row in buffer["x"]])
    assert relabelled.shape == (1000,) and np.abs(relabelled - alone).max() < 1e-6


# ------------------------------------------------------------------------------- advantages


def advantages(rng: np.random.Generator) -> np.ndarray:
    """A* of random values: the best action of each state has 0."""
    q = rng.normal(size=(300, 4))
    return q - q.max(axis=1, keepdims=True)


def test_an_advantage_function_is_recognised() -> None:
    rng = np.random.default_rng(0)
    found = acts_as_advantage(advantages(rng))
    assert found.advantage and found.prefers == "neither" and found.mean_best == 0
    assert not acts_as_advantage(rng.normal(size=(300, 4))).advantage


def test_a_constant_decides_whether_an_agent_goes_on() -> None:
    best = advantages(np.random.default_rng(0))
    assert acts_as_advantage(best + 0.5).prefers == "going on"
    assert acts_as_advantage(best - 0.5).prefers == "ending"
    assert not acts_as_advantage(best + 0.5).advantage
    step = acts_as_advantage(np.ones((5, 2)))
    assert step.prefers == "going on" and step.mean_best == 1 and step.relative == math.inf
    assert acts_as_advantage(-np.ones((5, 2))).prefers == "ending"
    nothing = acts_as_advantage(np.zeros((5, 2)))
    assert nothing.prefers == "neither" and not nothing.advantage
    with pytest.raises(UsageError, match=r"shape \(n, a\)"):
        acts_as_advantage(np.zeros(3))


# ------------------------------------------------------------------------- over-optimisation


@pytest.mark.parametrize("form", ["best-of-n", "rl"])
def test_coefficients_are_recovered_from_noisy_points(form: str) -> None:
    rng = np.random.default_rng(0)
    true = GoldCurve(form, 1.2, 0.35)  # type: ignore[arg-type]
    distance = np.linspace(0.3, 3.0, 40)
    gold = true.gold(distance) + 0.02 * rng.normal(size=40)
    found = gold_curve(distance**2, gold, form)  # type: ignore[arg-type]
    assert found.a == pytest.approx(1.2, abs=0.03) and found.b == pytest.approx(0.35, abs=0.03)


@pytest.mark.parametrize(
    ("form", "peak"), [("best-of-n", 1.2 / 0.7), ("rl", math.exp(1.2 / 0.35 - 1))]
)
def test_the_peak_is_where_the_curve_is_highest(form: str, peak: float) -> None:
    curve = GoldCurve(form, 1.2, 0.35)  # type: ignore[arg-type]
    assert curve.peak == pytest.approx(peak)
    assert (curve.gold(np.array([peak])) > curve.gold(np.array([0.98 * peak, 1.02 * peak]))).all()
    assert GoldCurve(form, 1.2, -0.1).peak == math.inf  # type: ignore[arg-type]


def test_the_divergence_of_the_best_of_n() -> None:
    assert np.allclose(
        best_of_n_kl(np.array([1, 2, 10])), [0, math.log(2) - 0.5, math.log(10) - 0.9]
    )
    with pytest.raises(UsageError, match="divergences above 0"):
        gold_curve(np.array([0.0, 1.0]), np.zeros(2), "rl")


def curves(seed: int, falls: bool) -> tuple[np.ndarray, np.ndarray]:
    """40 evaluations with noise; the fitness rises to evaluation 20, and then falls or goes on."""
    rng = np.random.default_rng(seed)
    time = np.arange(40.0)
    proxy = 3 * time / 40
    fitness = np.where(falls & (time > 20), 40 - time, time) / 40
    return proxy + 0.05 * rng.normal(size=40), fitness + 0.02 * rng.normal(size=40)


def test_curves_that_cross_are_found_and_parallel_ones_are_not() -> None:
    for seed in range(50):
        found = parting_step(*curves(seed, falls=True))
        assert found is not None and abs(found - 20) <= 3
        assert parting_step(*curves(seed, falls=False)) is None


def test_a_fitness_that_falls_with_its_reward_is_no_parting() -> None:
    both = np.concatenate([np.arange(10.0), np.arange(10.0)[::-1]])
    assert parting_step(both, both) is None
    assert parting_step(np.arange(20.0), both) == 9
    dip = np.arange(20.0)
    dip[10] = 0.0  # one bad evaluation
    assert parting_step(np.arange(20.0), dip) is None
    assert parting_step(np.zeros(0), np.zeros(0)) is None
    with pytest.raises(UsageError, match="same length"):
        parting_step(np.zeros(3), np.zeros(2))


def test_a_proxy_can_be_right_except_where_it_matters() -> None:
    """Right below the 90th percentile, random above: 99 % of all pairs, half of the top ones."""
    rng = np.random.default_rng(0)
    true = rng.permutation(1000).astype(float)
    top = true >= 900
    proxy = true.copy()
    proxy[top] = rng.permutation(true[top])
    found = tail_accuracy(proxy, true)
    assert (
        found.overall > 0.99
        and found.tail == pytest.approx(0.5, abs=0.06)
        and found.precision == 1.0
    )
    assert tail_accuracy(true, true) == (1.0, 1.0, 1.0)
    assert tail_accuracy(-true, true)[:2] == (0.0, 0.0)
    assert tail_accuracy(np.zeros(10), np.arange(10.0)).overall == 0.5
    with pytest.raises(UsageError, match="n at least 2"):
        tail_accuracy(np.zeros(1), np.zeros(1))
