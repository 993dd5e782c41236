"""Suspicions about a program: each is raised by its own case, and by no honest program."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rewardsmith.episodes.bank import Bank, Trajectory
from rewardsmith.evidence.appraisal import Appraisal, summary_rows
from rewardsmith.evidence.audit import audit
from rewardsmith.evidence.quality import quality
from rewardsmith.evidence.rewards import BankRewards
from rewardsmith.run.curves import CurveRow
from rewardsmith.types import Episode, FloatArray, Output
from rewardsmith.writers.feedback.preference import preference_summary
from rewardsmith.writers.feedback.process import hollow_gain
from tests.support.curves import curve_of
from tests.support.preflights import argument

HORIZON, GOAL = 100, 10.0


def walk(target: float, speed: float) -> Trajectory:
    """A walk on a line. It ends at the goal, 10, or goes back and forth around its target."""
    position, places, steps = 0.0, [0.0], 0
    while steps < HORIZON and position < GOAL:
        position += (
            speed * np.sign(target - position) if abs(target - position) > speed / 2 else -speed
        )
        places.append(position)
        steps += 1
    fields = {"position": np.array(places)}
    success = position >= GOAL
    episode = Episode(
        fields,
        np.full((steps, 1), speed),
        np.zeros(steps),
        terminated=success,
        truncated=not success,
    )
    return Trajectory(episode, max(places) / GOAL, success, "hand")


BANK = Bank(
    [walk(12.0, speed) for speed in np.linspace(0.4, 0.8, 8)]
    + [walk(target, 0.5) for target in (-3.0, 0.5, 1.0, 2.0, 6.0, 8.0, 9.0, 9.4)]
)
POSITION = BANK.columns(["next_position"])["next_position"]
BEFORE = BANK.columns(["position"])["position"]
AT_GOAL = (POSITION >= GOAL).astype(float)


def rewards_of(**terms: FloatArray) -> BankRewards:
    named = {
        name: np.broadcast_to(values, POSITION.shape).astype(float)
        for name, values in terms.items()
    }
    return BankRewards(BANK, Output(np.sum(list(named.values()), axis=0), named), 0.99)


def messages(**terms: FloatArray) -> dict[str, str]:
    return {finding.code: finding.message for finding in audit(rewards_of(**terms))}


def codes(**terms: FloatArray) -> set[str]:
    return set(messages(**terms))


PROGRESS = POSITION - BEFORE


@pytest.mark.parametrize(
    "terms",
    [
        {"progress": PROGRESS, "goal": 10 * AT_GOAL},
        {"goal": AT_GOAL},
        {"progress": 0.1 * PROGRESS, "goal": 5 * AT_GOAL, "time": np.array(-0.01)},
        {"near": 0.01 * np.exp(-np.abs(POSITION - GOAL)), "goal": 30 * AT_GOAL},
    ],
)
def test_honest_rewards_raise_no_suspicion(terms: dict[str, Any]) -> None:
    assert codes(**terms) == set()


def test_backwards() -> None:
    assert "RS501" in codes(progress=-PROGRESS, goal=-AT_GOAL)


def test_blind() -> None:
    noise = np.random.default_rng(2).normal(size=POSITION.shape)
    assert "RS502" in codes(noise=noise)


def test_a_reward_for_living_long_is_found() -> None:
    assert "RS503" in codes(alive=np.array(1.0), goal=20 * AT_GOAL)


def test_a_rewarded_loop_is_found() -> None:
    """Speed is rewarded in either direction, so going back and forth would have a high return."""
    assert "RS503" in codes(speed=np.abs(PROGRESS), goal=20 * AT_GOAL)


def test_a_term_of_the_wrong_sign_is_named() -> None:
    found = messages(progress=-3 * PROGRESS, place=0.01 * POSITION, goal=20 * AT_GOAL)
    assert "'progress'" in found["RS504"]


def test_a_term_that_drowns_the_others_is_named() -> None:
    noise = 300 * np.repeat(np.random.default_rng(1).normal(size=len(BANK)), BANK.lengths)
    assert "'noise'" in messages(noise=noise, progress=PROGRESS, goal=AT_GOAL)["RS505"]


def test_failing_soon_ends_the_costs() -> None:
    """Standing on a ledge is good, falling off ends the episode; the reward is a cost per step."""

    def stand(steps: int) -> Trajectory:
        fell = steps < HORIZON
        episode = Episode(
            {"place": np.zeros(steps + 1)}, np.zeros(steps), np.zeros(steps), fell, not fell
        )
        return Trajectory(episode, steps / HORIZON, not fell, "hand")

    bank = Bank([stand(steps) for steps in (5, 8, 20, 60, HORIZON)])
    costs = np.full(int(bank.lengths.sum()), -1.0)
    assert "RS508" in {
        finding.code for finding in audit(BankRewards(bank, Output(costs, {"time": costs}), 0.99))
    }
    living = {
        finding.code
        for finding in audit(BankRewards(bank, Output(-costs, {"alive": -costs}), 0.99))
    }
    assert "RS508" not in living


def test_a_failure_with_a_high_return_before_its_end_is_not_about_costs() -> None:
    """The agent stood where each step is rewarded, then took the wrong thing: this is RS503."""

    def took(steps: int, success: bool) -> Trajectory:
        episode = Episode(
            {"place": np.zeros(steps + 1)}, np.zeros(steps), np.zeros(steps), True, False
        )
        return Trajectory(episode, float(success), success, "hand")

    bank = Bank([took(n, True) for n in (3, 4, 5)] + [took(n, False) for n in (30, 40, HORIZON)])
    last, worth = np.cumsum(bank.lengths) - 1, np.array([one.success for one in bank.trajectories])
    near, took_it = np.full(int(bank.lengths.sum()), 0.5), np.zeros(int(bank.lengths.sum()))
    took_it[last] = np.where(worth, 2.0, -2.0)
    found = {
        one.code
        for one in audit(
            BankRewards(bank, Output(near + took_it, {"near": near, "took_it": took_it}), 0.99)
        )
    }
    assert "RS508" not in found


def test_being_near_is_enough() -> None:
    near = np.where((POSITION > 5) & (POSITION < GOAL), 0.5, 0.0)
    assert "RS507" in codes(near=near, goal=AT_GOAL)


def test_without_contrast_there_is_no_suspicion() -> None:
    few = Bank(one for one in BANK.trajectories if one.success)
    output = Output(-few.columns(["next_position"])["next_position"])
    assert audit(BankRewards(few, output, 0.99)) == []


def rows(own: list[float], fitness: list[float]) -> list[CurveRow]:
    return curve_of([{"own_return": o, "fitness": f} for o, f in zip(own, fitness, strict=True)])


def test_a_higher_return_without_fitness_is_hollow() -> None:
    rising, flat = (
        [float(n) for n in range(10)],
        [0.1, 0.12, 0.09, 0.1, 0.11, 0.1, 0.1, 0.11, 0.1, 0.1],
    )
    assert [finding.code for finding in hollow_gain([rows(rising, flat)])] == ["RS506"]
    assert hollow_gain([rows(rising, rising)]) == [] and hollow_gain([rows(flat, flat)]) == []
    assert hollow_gain([rows(rising, flat), rows(rising, rising), rows(rising, rising)]) == []
    assert hollow_gain([rows([1.0], [0.0])]) == [] and hollow_gain([]) == []


def test_the_feedback_shows_the_extremes_and_the_term_to_blame() -> None:
    found = rewards_of(progress=PROGRESS, away=-2 * PROGRESS)
    told = preference_summary(
        found, "above-best-failure", "mean", 0.8, ["position"], {"next_position": argument()}
    )
    scores = found.scores("mean")
    better = BANK.successes
    assert better is not None
    worst, best = (
        np.flatnonzero(better)[np.argmin(scores[better])],
        np.flatnonzero(~better)[np.argmax(scores[~better])],
    )
    assert [episode.fitness for episode in told.episodes] == [
        BANK.fitness[worst],
        BANK.fitness[best],
    ]
    assert [row.name for row in told.terms] == ["away", "progress", "the whole"]
    assert told.above == 0 and told.share == 0.0 and (told.better, told.worse) == (8, 8)
    first = told.episodes[0]
    assert first.columns == ["position", "action", "reward", "progress", "away"]
    assert first.rows[0].step == "1" and first.rows[-1].step == str(first.steps)


def test_a_term_that_is_called_like_a_field_stands_beside_it() -> None:
    told = preference_summary(
        rewards_of(position=-POSITION), "pairs", "mean", 0.8, ["position"], {"position": argument()}
    )
    assert told.episodes[0].columns == ["position", "action", "reward", "term position"]


@pytest.mark.parametrize("success", [False, True, None])
def test_where_none_or_all_succeed_pairs_shows_the_halves_by_fitness(success: bool | None) -> None:
    """Every verdict is explained."""
    graded = Bank(one._replace(success=success) for one in BANK.trajectories)
    found = BankRewards(graded, Output(-POSITION, {"back": -POSITION}), 0.99)
    assert found.agreement("pairs", "sum") is not None
    told = preference_summary(
        found, "pairs", "sum", 0.8, ["position"], {"next_position": argument()}
    )
    half = (graded.fitness.min() + graded.fitness.max()) / 2
    better = graded.fitness > half
    assert (told.by_success, told.better, told.worse) == (
        False,
        better.sum(),
        (~better).sum(),
    )
    scores = found.scores("sum")
    first, second = (episode.fitness for episode in told.episodes)
    assert first > half >= second
    assert first == graded.fitness[better][np.argmin(scores[better])]
    assert second == graded.fitness[~better][np.argmax(scores[~better])]


def test_a_constant_native_reward_has_a_preference_if_episodes_end() -> None:
    def charged(one: Trajectory) -> Trajectory:
        return one._replace(
            episode=replace(one.episode, native_rewards=np.full(len(one.episode), -1.0))
        )

    bank = Bank(map(charged, BANK.trajectories))
    near, far = (
        quality(BankRewards(bank, Output(values), 0.99))
        for values in (PROGRESS - 0.2, 0.2 - PROGRESS)
    )
    assert near.from_native is not None and far.from_native is not None and near.unsaid == ()
    assert near.from_native < 0.5 < far.from_native
    endless = Bank(one for one in bank.trajectories if not one.success)
    found = quality(BankRewards(endless, Output(endless.columns(["position"])["position"]), 0.99))
    assert found.from_native is None and found.shaping is None
    assert "no known episode ends by itself" in found.unsaid[0]
    assert any(
        name == "not measured"
        for name, _ in summary_rows(Appraisal(found, (), None, changes_reward=True))
    )


def test_a_known_exploit_must_not_be_rewarded_more() -> None:
    """Going back and forth was rewarded like a success: rewarding it more is found, less is not."""
    before = rewards_of(alive=np.array(1.0), goal=5 * AT_GOAL)
    wider = rewards_of(alive=np.array(1.0), goal=-20 * AT_GOAL)
    found = {finding.code: finding.message for finding in audit(wider, before)}
    assert (
        "episodes that do not reach the goal, and that the program before rewarded like a success"
        in found["RS509"]
    )
    same = rewards_of(alive=np.array(3.0), goal=15 * AT_GOAL)
    closed = rewards_of(progress=PROGRESS, goal=10 * AT_GOAL)
    honest = rewards_of(progress=PROGRESS, goal=20 * AT_GOAL)
    assert "RS509" not in {
        finding.code for finding in [*audit(same, before), *audit(closed, before)]
    }
    assert "RS509" not in {finding.code for finding in audit(before, honest)}, (
        "nothing was known to be one"
    )


def test_a_reward_that_is_not_a_number_is_the_only_finding() -> None:
    broken = np.where(POSITION > 9.0, np.nan, POSITION)
    found = replace(rewards_of(place=broken, time=np.array(-1.0)), arguments=("next_position",))
    (finding,) = audit(found)
    assert finding.code == "RS203" and "term 'place' is nan in step" in finding.message
    assert re.search(r"where next_position = 9\.\d", finding.message)
