"""Distances between rewards, shares of shaping, agreement with fitness: properties and known numbers."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.maths.agreement import credits, kendall_tau, teacher_variance
from rewardsmith.maths.distances import (
    Recombined,
    pearson_distance,
    sampled_epic,
    sampled_starc,
)
from rewardsmith.maths.potentials import StateFeatures, shaping_share
from tests.support.distances import epic_distance, starc_distance

STATES, ACTIONS, GAMMA = 6, 3, 0.9
seeds = st.integers(0, 10_000)


def world(seed: int) -> tuple[np.random.Generator, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    dynamics = rng.dirichlet(np.ones(STATES), (STATES, ACTIONS))
    return rng, dynamics, *rng.normal(size=(2, STATES, ACTIONS, STATES))


def shaped(reward: Any, potential: Any) -> Any:
    return reward + GAMMA * potential[None, None, :] - potential[:, None, None]


@given(seeds, st.floats(0.1, 10), st.floats(-5, 5))
def test_what_changes_no_optimal_policy_changes_no_distance(
    seed: int, scale: float, shift: float
) -> None:
    rng, dynamics, reward, other = world(seed)
    same = scale * shaped(reward, rng.normal(size=STATES)) + shift
    assert (
        starc_distance(reward, same, dynamics, GAMMA) < 1e-7
        and epic_distance(reward, same, GAMMA) < 1e-7
    )
    assert math.isclose(starc_distance(reward, -reward, dynamics, GAMMA), 1.0)
    assert math.isclose(epic_distance(reward, -reward, GAMMA), 1.0)
    for distance in (
        lambda a, b: starc_distance(a, b, dynamics, GAMMA),
        lambda a, b: epic_distance(a, b, GAMMA),
    ):
        assert 0 < distance(reward, other) < 1
        assert math.isclose(distance(reward, other), distance(other, same), abs_tol=1e-7)


@given(seeds)
def test_starc_is_a_metric_that_sees_through_shifted_outcomes(seed: int) -> None:
    """Reward moved between outcomes of one action, with the same mean: STARC is unchanged, EPIC is not."""
    rng, dynamics, reward, other = world(seed)
    moved = rng.normal(size=reward.shape)
    moved -= (dynamics * moved).sum(axis=2, keepdims=True)
    assert starc_distance(reward, reward + moved, dynamics, GAMMA) < 1e-7
    assert epic_distance(reward, reward + moved, GAMMA) > 0.01
    third = rng.normal(size=reward.shape)
    sides = [
        starc_distance(*pair, dynamics, GAMMA)
        for pair in itertools.combinations((reward, other, third), 2)
    ]
    assert 2 * max(sides) <= sum(sides) + 1e-9


def test_what_says_nothing_is_half_way() -> None:
    _, dynamics, reward, _ = world(0)
    nothing = np.full_like(reward, 3.0)
    assert starc_distance(nothing, 0 * nothing, dynamics, GAMMA) == 0.0
    assert starc_distance(reward, nothing, dynamics, GAMMA) == pytest.approx(0.5)
    assert pearson_distance(np.ones(3), np.zeros(3)) == 0.0
    assert pearson_distance(np.arange(3.0), np.zeros(3)) == pytest.approx(math.sqrt(0.5))


def walked(seed: int, steps: int) -> tuple[Any, Any, Any, Any, Any, Any]:
    rng, dynamics, reward, other = world(seed)
    at, actions, following = (
        rng.integers(STATES, size=steps),
        rng.integers(ACTIONS, size=steps),
        np.zeros(steps, int),
    )
    draws = rng.random(steps)
    following = (dynamics[at, actions].cumsum(axis=1) < draws[:, None]).sum(axis=1)
    one_hot = np.eye(STATES)
    return rng, reward, other, (at, actions, following), one_hot[at], one_hot[following]


@pytest.mark.parametrize("seed", range(3))
def test_the_sampled_distance_ignores_shaping_and_is_near_the_exact_one(seed: int) -> None:
    rng, reward, other, places, features, following = walked(seed, 4000)
    ends = np.zeros(4000, bool)
    potential = rng.normal(size=STATES)
    one, same, apart = reward[places], 2 * shaped(reward, potential)[places] + 1, other[places]
    assert sampled_starc(one, same, features, following, ends, GAMMA) < 1e-4
    assert sampled_starc(one, -one, features, following, ends, GAMMA) == pytest.approx(1.0)
    sampled = sampled_starc(one, apart, features, following, ends, GAMMA)
    assert 0.4 < sampled < 0.95


def test_at_an_end_the_potential_is_nothing() -> None:
    rng, reward, _, places, features, following = walked(5, 4000)
    ends = rng.random(4000) < 0.2
    potential = rng.normal(size=STATES)
    change = GAMMA * np.where(ends, 0.0, potential[places[2]]) - potential[places[0]]
    assert (
        sampled_starc(reward[places], reward[places] + change, features, following, ends, GAMMA)
        < 1e-4
    )
    wrong = GAMMA * potential[places[2]] - potential[places[0]]
    assert (
        sampled_starc(reward[places], reward[places] + wrong, features, following, ends, GAMMA)
        > 0.05
    )


@given(seeds, st.floats(0.1, 10), st.floats(-5, 5), st.integers(1, 5))
def test_the_sampled_epic_ignores_shaping_and_scale_however_little_is_drawn(
    seed: int, scale: float, shift: float, draws: int
) -> None:
    rng, _, reward, other = world(seed)
    at, actions, following = (
        rng.integers(STATES if n != 1 else ACTIONS, size=40) for n in range(3)
    )
    drawn = rng.integers(ACTIONS, size=draws), rng.integers(STATES, size=draws)

    def recombined(values: Any) -> Recombined:
        before, after = (
            values[place[:, None], drawn[0][None, :], drawn[1][None, :]]
            for place in (at, following)
        )
        return Recombined(values[at, actions, following], before, after)

    same = recombined(scale * shaped(reward, rng.normal(size=STATES)) + shift)
    one, apart = recombined(reward), recombined(other)
    assert sampled_epic(one, same, GAMMA) < 1e-6
    assert sampled_epic(one, recombined(-reward), GAMMA) == pytest.approx(1.0)
    assert 0 < sampled_epic(one, apart, GAMMA) < 1
    assert sampled_epic(one, apart, GAMMA) == pytest.approx(
        sampled_epic(apart, same, GAMMA), abs=1e-6
    )


def test_the_sampled_epic_is_the_exact_one_where_everything_is_drawn() -> None:
    _, _, reward, other = world(3)
    at, _, following = (axis.ravel() for axis in np.indices(reward.shape))
    drawn = tuple(axis.ravel()[None, :] for axis in np.indices((ACTIONS, STATES)))

    def recombined(values: Any) -> Recombined:
        return Recombined(
            values.ravel(), values[at[:, None], *drawn], values[following[:, None], *drawn]
        )

    sampled = sampled_epic(recombined(reward), recombined(other), GAMMA)
    assert sampled == pytest.approx(epic_distance(reward, other, GAMMA))


def drifting(seed: int, steps: int = 2000) -> tuple[Any, Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(steps, 2))
    following = states + 0.3 * rng.normal(size=(steps, 2))
    features = StateFeatures(states)
    return rng, states, following, features(states), features(following)


def test_pure_shaping_is_found_and_noise_is_not() -> None:
    rng, states, following, features, next_features = drifting(0)
    ends, folds = np.zeros(2000, bool), np.arange(2000) % 4
    reference = rng.normal(size=2000)

    def share(reward: Any) -> float:
        found = shaping_share(reward, reference, features, next_features, ends, folds, GAMMA)
        assert found is not None
        return found

    def phi(x: Any) -> Any:
        return x[:, 0] ** 2 - np.exp(-(x**2).sum(axis=1))

    change = GAMMA * phi(following) - phi(states)
    noise = rng.normal(size=2000) * change.std()
    assert share(2 * reference + change) > 0.98
    assert share(noise) < 0.1
    for part in (0.1, 0.5):  # of the variance that is added
        mixed = np.sqrt(1 - part) * change + np.sqrt(part) * noise
        assert share(3 * reference + mixed) == pytest.approx(1 - part, abs=0.06)
    assert (
        shaping_share(2 * reference, reference, features, next_features, ends, folds, GAMMA) is None
    )
    assert share(2 * reference + 1) < 0.1, (
        "whether a constant is harmless cannot be seen where nothing ends"
    )
    assert share(-2 * reference) < 0.1


def walks(seed: int) -> tuple[Any, Any, Any, Any]:
    """Sixty walks on a line that end at 1, or after 80 steps: states before and after, ends, and whose each step is."""
    rng = np.random.default_rng(seed)
    before, after, ends, lengths = [list[Any]() for _ in range(4)]
    for walk in range(60):
        places, drift = [rng.uniform(-0.1, 0.1)], (walk % 6) * 0.008
        while len(places) <= 80 and places[-1] < 1.0:
            places.append(places[-1] + drift + rng.normal(0, 0.03))
        before += places[:-1]
        after += places[1:]
        lengths.append(len(places) - 1)
        ends += [False] * (lengths[-1] - 1) + [places[-1] >= 1.0]
    return (
        np.array(before)[:, None],
        np.array(after)[:, None],
        np.array(ends),
        np.repeat(np.arange(60) % 4, lengths),
    )


@pytest.mark.parametrize("gamma", [0.9, 0.99])
@pytest.mark.parametrize("native", ["each step costs", "the end is paid"])
def test_where_episodes_end_neither_a_constant_nor_the_opposite_is_shaping(
    native: str, gamma: float
) -> None:
    before, after, ends, folds = walks(0)
    features = StateFeatures(before)
    reference = np.full(len(ends), -1.0) if native == "each step costs" else 1.0 * ends

    def share(reward: Any) -> float:
        found = shaping_share(
            reward, reference, features(before), features(after), ends, folds, gamma
        )
        assert found is not None
        return found

    def distance(reward: Any) -> float:
        return sampled_starc(reward, reference, features(before), features(after), ends, gamma)

    def shaped_by(phi: Any) -> Any:
        return gamma * np.where(ends, 0.0, phi(after[:, 0])) - phi(before[:, 0])

    for phi in (lambda x: x**2, lambda x: np.exp(-((x - 1) ** 2)), lambda x: np.full(len(x), 7.0)):
        assert share(3 * reference + shaped_by(phi)) > 0.9
        assert distance(3 * reference + shaped_by(phi)) < 0.01
    for harm in (
        -reference,
        1.0 - 10.0 * ends,
        np.full(len(ends), 1.0),
        -1.0 * ends,
        reference + 2 - 5.0 * ends,
    ):
        assert share(harm) == 0.0 and distance(harm) > 0.99


@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=2, max_size=12))
def test_tau_is_what_counting_gives(pairs: list[tuple[int, int]]) -> None:
    one, other = (np.array(side, float) for side in zip(*pairs, strict=True))
    signs = [
        (np.sign(one[i] - one[j]), np.sign(other[i] - other[j]))
        for i, j in itertools.combinations(range(len(pairs)), 2)
    ]
    untied = [sum(sign[side] != 0 for sign in signs) for side in (0, 1)]
    found = kendall_tau(one, other)
    if min(untied) == 0:
        assert found is None
    else:
        assert found == pytest.approx(
            sum(a * b for a, b in signs) / math.sqrt(untied[0] * untied[1])
        )


def test_tau_of_a_textbook_case() -> None:
    """Twelve ranks without ties, ten of them in place: 1 - 4 * 1 / (12 * 11)."""
    ranks = np.arange(12.0)
    swapped = ranks.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    assert kendall_tau(ranks, swapped) == pytest.approx(1 - 4 / 132)
    assert kendall_tau(ranks, -ranks) == pytest.approx(-1.0)


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=20), st.floats(0.1, 100))
def test_teaching_has_no_unit(returns: list[int], scale: float) -> None:
    values = np.array(returns, float)
    assert teacher_variance(scale * values + 3) == pytest.approx(teacher_variance(values), abs=1e-6)
    assert 0 <= teacher_variance(values) <= 0.25 + 1e-12
    assert teacher_variance(np.full(5, 2.0)) == 0.0 and teacher_variance(np.zeros(0)) == 0.0


def test_credit_goes_to_the_term_that_orders() -> None:
    fitness = np.arange(20.0)
    noise = np.random.default_rng(0).normal(size=20)
    found = credits({"right": fitness, "wrong": -0.2 * fitness, "noise": noise}, fitness)
    assert sum(credit.share for credit in found.values()) == pytest.approx(1.0)
    assert found["right"].agrees == 1.0 and found["wrong"].agrees == -1.0
    assert found["right"].adds > 0.5 and found["wrong"].adds <= 0.0
    alone = credits({"only": fitness}, fitness)["only"]
    assert alone.share == 1.0 and alone.adds == 1.0 and credits({}, fitness) == {}
