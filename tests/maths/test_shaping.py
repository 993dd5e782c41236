"""Shaping on known worlds: the optimal policy stays optimal, and every mistake is caught."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.maths.shaping import (
    DynamicPotential,
    check_bonus,
    first_times,
    largest_bonus,
    look_ahead_advice,
    look_back_advice,
    potential_shaping,
)
from tests.support.tabular import World, optimal_q, random_world

GAMMA = 0.9
NEVER = np.zeros(1, bool)


def shaped(world: World, phi: Any) -> World:
    states = len(phi)
    change = potential_shaping(
        phi[:, None].repeat(states, 1), phi[None, :].repeat(states, 0), NEVER, world.gamma
    )
    return world._replace(reward=world.reward + change[:, None, :])


@settings(max_examples=1000)
@given(st.integers(0, 10**6))
def test_the_optimal_policies_are_the_same(seed: int) -> None:
    """On a thousand random worlds; and the values differ by exactly the potential."""
    rng = np.random.default_rng(seed)
    world, phi = random_world(rng, states=4), 5 * rng.normal(size=4)
    plain, with_it = optimal_q(world, 400), optimal_q(shaped(world, phi), 400)
    assert np.allclose(with_it, plain - phi[:, None], atol=1e-9)
    assert np.array_equal(plain.argmax(axis=1), with_it.argmax(axis=1))


def test_without_the_discount_the_optimum_flips() -> None:
    """Two ways to spend one step: 1.00, or 0.95 by way of a state with potential 5. The hidden bonus decides."""
    phi = np.array([0.0, 5.0])
    right = 0.95 + potential_shaping(np.zeros(1), phi[1:], NEVER, GAMMA)[0]
    left_later = GAMMA * potential_shaping(phi[1:], np.zeros(1), np.array([True]), GAMMA)[0]
    assert math.isclose(right + left_later, 0.95)
    wrong = 0.95 + (phi[1] - phi[0]) + GAMMA * (0.0 - phi[1])
    assert math.isclose(wrong, 1.45) and wrong > 1.0


def test_starting_values_do_what_a_potential_does() -> None:
    """Wiewiora (2003): Q learned with a potential, and Q that begins as the potential, differ by it at every step.

    Also where the last state ends an episode: it pays no potential, and is worth nothing.
    """
    for seed in range(10):
        rng, ends = np.random.default_rng(seed), seed % 2 == 1
        world, phi = random_world(rng, 5, 2), rng.normal(size=5)
        one, other, state, worst = np.zeros((5, 2)), np.repeat(phi[:, None], 2, axis=1), 0, 0.0
        for _ in range(1000):
            action = int(rng.integers(2))
            to = int(rng.choice(5, p=world.dynamics[state, action]))
            reward, over = world.reward[state, action, to], np.array([ends and to == 4])
            pay = potential_shaping(phi[state : state + 1], phi[to : to + 1], over, GAMMA)[0]
            after = (0.0, 0.0) if over[0] else (one[to].max(), other[to].max())
            one[state, action] += 0.3 * (reward + pay + GAMMA * after[0] - one[state, action])
            other[state, action] += 0.3 * (reward + GAMMA * after[1] - other[state, action])
            worst = max(worst, float(np.abs(other - one - phi[:, None]).max()))
            state = 0 if over[0] else to
        assert worst < 1e-12


def episodes(draws: Any, count: int) -> list[tuple[Any, bool]]:
    """Potentials along some episodes, and whether each ended by itself."""
    return [
        (draws.normal(size=int(draws.integers(2, 9))), bool(draws.random() < 0.5))
        for _ in range(count)
    ]


@given(st.integers(0, 10**6))
def test_it_telescopes_through_ends_time_limits_and_resets(seed: int) -> None:
    draws = np.random.default_rng(seed)
    for phi, ended in episodes(draws, 5):
        terminated = np.arange(len(phi) - 1) == (len(phi) - 2 if ended else -1)
        paid = potential_shaping(phi[:-1], phi[1:], terminated, GAMMA)
        discounts = GAMMA ** np.arange(len(paid))
        left = 0.0 if ended else GAMMA ** len(paid) * phi[-1]
        assert math.isclose((discounts * paid).sum(), left - phi[0], abs_tol=1e-9)
        n_step = sum(
            GAMMA**k * paid[k] for k in range(len(paid))
        )  # the n-step return of the first state
        assert math.isclose(n_step, left - phi[0], abs_tol=1e-9)
        unzeroed = GAMMA * phi[1:] - phi[:-1]
        if ended:
            assert not math.isclose((discounts * unzeroed).sum(), -phi[0], abs_tol=1e-6)


@given(st.integers(0, 10**6))
def test_a_changing_potential_telescopes_only_if_the_entered_value_is_kept(seed: int) -> None:
    draws = np.random.default_rng(seed)
    steps = 6
    seen = draws.normal(
        size=(steps + 1, steps + 1)
    )  # seen[t, i]: potential of the i-th state, asked at time t
    moving = DynamicPotential(seen[0, :1], GAMMA)
    done = np.zeros(1, bool)
    kept = [
        moving.step(seen[t, t : t + 1], NEVER, done, np.zeros(1))[0] for t in range(1, steps + 1)
    ]
    discounts = GAMMA ** np.arange(steps)
    assert math.isclose(
        (discounts * kept).sum(), GAMMA**steps * seen[steps, steps] - seen[0, 0], abs_tol=1e-9
    )
    again = [GAMMA * seen[t, t] - seen[t, t - 1] for t in range(1, steps + 1)]
    assert not math.isclose(
        (discounts * again).sum(), GAMMA**steps * seen[steps, steps] - seen[0, 0], abs_tol=1e-6
    )


def test_a_changing_potential_restarts_with_each_episode() -> None:
    moving = DynamicPotential(np.array([1.0, 2.0]), GAMMA)
    first = moving.step(
        np.array([3.0, 4.0]), np.array([True, False]), np.array([True, True]), np.array([5.0, 6.0])
    )
    assert np.allclose(first, [-1.0, GAMMA * 4 - 2])
    second = moving.step(np.array([0.0, 0.0]), np.zeros(2, bool), np.zeros(2, bool), np.zeros(2))
    assert np.allclose(second, [-5.0, -6.0])


def test_advice_on_actions_needs_the_corrected_choice() -> None:
    """Look-ahead advice on a random world: Q shifts by -phi(s, a); only acting by Q + phi finds the optimum."""
    rng = np.random.default_rng(3)
    world, phi = random_world(rng, 5, 3), 4 * rng.normal(size=(5, 3))
    truth, q = optimal_q(world), np.zeros((5, 3))
    expected = (world.dynamics * world.reward).sum(axis=2)
    for _ in range(2000):
        best = (q + phi).argmax(axis=1)
        following = look_ahead_advice(
            phi[:, :, None], phi[np.arange(5), best][None, None, :], NEVER, world.gamma
        )
        target = (
            world.dynamics * (following + world.gamma * q[np.arange(5), best][None, None, :])
        ).sum(axis=2)
        q = expected + target
    assert np.allclose(q + phi, truth, atol=1e-8)
    assert not np.array_equal(q.argmax(axis=1), truth.argmax(axis=1))


@given(st.integers(0, 10**6))
def test_look_back_advice_telescopes(seed: int) -> None:
    phi = np.random.default_rng(seed).normal(size=7)
    first = np.arange(7) == 0
    paid = look_back_advice(phi, np.roll(phi, 1), first, GAMMA)
    assert math.isclose((GAMMA ** np.arange(7) * paid).sum(), GAMMA**6 * phi[-1], abs_tol=1e-9)


@given(
    st.lists(
        st.tuples(st.lists(st.booleans(), min_size=2, max_size=2), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_a_subgoal_is_rewarded_once_per_episode(rows: list[tuple[list[bool], bool]]) -> None:
    holds = np.array([row[0] for row in rows])
    starts = np.array([row[1] for row in rows])
    starts[0] = True
    paid = first_times(holds, starts)
    episode = np.cumsum(starts)
    assert (paid <= holds).all()
    for number in range(1, episode[-1] + 1):
        inside = episode == number
        assert np.array_equal(paid[inside].sum(axis=0), holds[inside].any(axis=0))


def test_a_bonus_over_the_bound_is_refused() -> None:
    assert math.isclose(largest_bonus(0.99, 100, 1.0, 2), 0.99**100 / 2)
    check_bonus(0.18, 0.99, 100, 1.0, 2)
    with pytest.raises(ValueError, match=r"must be below 0\.183"):
        check_bonus(0.5, 0.99, 100, 1.0, 2)
    for wrong in (0.0, -0.5, 1.5, math.nan):
        with pytest.raises(ValueError, match="discount"):
            potential_shaping(np.zeros(1), np.zeros(1), NEVER, wrong)


# --- A heuristic added to Q itself (Q-shaping): what stays of it when it stays, and when it stops


def swept(h: Any, sweeps: int, stop: int, rate: float = 0.1) -> Any:
    """The literal update q <- q + rate * (target - q) + h, until ``stop``, where actions go on or end the episode."""
    q = np.zeros(
        (2, 2)
    )  # state 0: action 0 goes to state 1 for nothing, action 1 ends with 1; state 1: ends with 1
    for sweep in range(sweeps):
        targets = np.array([[GAMMA * q[1].max(), 1.0], [1.0, 1.0]])
        q = q + rate * (targets - q) + (h if sweep < stop else 0.0)
    return q


def test_a_heuristic_that_stays_is_a_reward_and_one_that_stops_is_forgotten() -> None:
    """The counterexample: Q*(s0) = [.9, 1]; persistent h = (.5, -.1) makes it [5.9, 0], and the argmax flips."""
    h = np.array([[0.5, -0.1], [0.0, 0.0]])
    assert np.allclose(swept(0 * h, 2000, 0)[0], [0.9, 1.0])
    kept = swept(h, 2000, 2000)
    assert np.allclose(kept[0], [0.9 + 0.5 / 0.1, 1.0 - 0.1 / 0.1])
    assert kept[0].argmax() != swept(0 * h, 2000, 0)[0].argmax()
    assert np.allclose(swept(h, 2000, 50), swept(0 * h, 2000, 0), atol=1e-6)


@given(st.integers(0, 10**6))
@settings(max_examples=50)
def test_a_persistent_heuristic_is_a_reward_of_h_over_alpha(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world, h = random_world(rng, 4, 2), 0.05 * rng.normal(size=(4, 2))
    expected, q = (world.dynamics * world.reward).sum(axis=2), np.zeros((4, 2))
    for _ in range(4000):
        q = q + 0.1 * (expected + GAMMA * world.dynamics @ q.max(axis=1) - q) + h
    assert np.allclose(
        q, optimal_q(world._replace(reward=world.reward + h[:, :, None] / 0.1), 400), atol=1e-6
    )


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_an_annealed_heuristic_leaves_the_truth(seed: int) -> None:
    """However wrong: after its weight is zero, Q reaches Q*."""
    rng = np.random.default_rng(seed)
    world = random_world(rng, 4, 2)
    expected, q, prior = (
        (world.dynamics * world.reward).sum(axis=2),
        np.zeros((4, 2)),
        100 * rng.normal(size=(4, 2)),
    )
    for sweep in range(3000):
        weight = 0.5 * max(0.0, 1 - sweep / 500)
        q = q + 0.3 * (expected + GAMMA * world.dynamics @ q.max(axis=1) - q) + weight * (prior - q)
    assert np.allclose(q, optimal_q(world, 400), atol=1e-6)
