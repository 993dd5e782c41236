"""ELLA: the subgoals that matter for a goal are learned from its successes; only they are rewarded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.errors import UsageError
from rewardsmith.maths.relevance import Relevance
from rewardsmith.task.loading import Task, load_task
from rewardsmith.terms.reward import Reward
from rewardsmith.terms.subgoals import Subgoals
from rewardsmith.train.observing import observed
from rewardsmith.train.vectors import make_vec_env
from tests.support.questions import columns, hosted
from tests.support.talkworld import write_task

# Two that every success has, and distractors that come true by the way.
SOURCE = """
import numpy as np


def subgoals(first_instruction, next_below, next_place):
    thing = np.any(next_below > 0, axis=1)
    colour = np.any((first_instruction == 3) & np.any(next_below == 3, axis=1)[:, None], axis=1)
    colour |= np.any((first_instruction == 4) & np.any(next_below == 4, axis=1)[:, None], axis=1)
    place = next_place[:, 0]
    return {
        "a_thing": thing, "its_colour": colour,
        "far": place >= 6, "third": place == 3, "fourth": place == 4, "fifth": place == 5,
    }
"""
NEEDED = {"a_thing", "its_colour"}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    found = load_task(write_task(tmp_path_factory.mktemp("talk") / "talk"))
    return found.with_training(
        {"shaping": {"subgoals": "neutralised", "relevant_to": "instruction"}}
    )


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=8))
def test_what_all_successes_have_stays(episodes: list[list[bool]]) -> None:
    """Each always has the first subgoal; what is left is what they all had."""
    known = Relevance(4)
    assert known.of(["goal"]).all(), "before a success, everything may matter"
    for episode in episodes:
        known.learn("goal", np.array([True, *episode[1:]]))
    expected = np.array([[True, *episode[1:]] for episode in episodes]).all(axis=0)
    assert np.array_equal(known.of(["goal"])[0], expected)
    assert known.of(["another"]).all()


def test_a_success_with_no_common_subgoal_restarts_the_estimate() -> None:
    known = Relevance(3)
    known.learn("goal", np.array([True, False, False]))
    known.learn("goal", np.array([False, True, True]))
    assert known.of(["goal"])[0].tolist() == [False, True, True]


def test_distractors_are_found_out_and_identities_hold(task: Task) -> None:
    """A thousand random walks: precision of the rewarded subgoals, one bonus per step, sum 0 in a success."""
    base = make_vec_env(task, 8, 0)
    rng, sums, t, steps = np.random.default_rng(0), np.zeros(8), np.zeros(8), 0
    successes: list[float] = []
    rows = {**columns("take the red key", "red key"), "next_place": np.zeros((1, 1))}
    with hosted(SOURCE, rows) as host:
        goals: Any = Subgoals.for_task(host, task, base.buffers, base.envs[0])
        venv = observed(base, Reward([goals]))
        venv.reset()
        base.buffers.begin()
        bonus, late = goals._bonus, list[set[str]]()
        while len(successes) < 400:
            before, told = goals.shown.copy(), base.buffers
            texts = [row.tobytes() for row in told.column("first_instruction")]
            known = goals._relevance.of(texts)
            _, _, dones, _ = venv.step(rng.choice(3, 8, p=(0.3, 0.55, 0.15)))
            won = told.terminated & (told.native_reward > 0)
            holds = np.stack([*goals.holds(told.columns(goals.arguments)).values()], axis=1)
            expected = bonus * (holds & ~before & known).any(axis=1)
            assert np.allclose(goals.bonuses[~won], expected[~won])
            sums += task.spec.training.gamma**t * goals.bonuses
            t, steps = t + 1, steps + 1
            for row in np.flatnonzero(dones):
                if won[row]:
                    successes.append(float(sums[row]))
                    late.append(
                        {name for name, one in zip(goals.shows, known[row], strict=True) if one}
                    )
            sums[dones] = t[dones] = 0
            base.buffers.advance()
    assert max(map(abs, successes)) <= 1e-9
    paid_for = [
        name for found in late[200:] for name in found
    ]  # four goals: after fifty successes of each
    assert np.mean([name in NEEDED for name in paid_for]) >= 0.95 and set(paid_for) >= NEEDED


def test_a_potential_cannot_be_relevant_to_something(task: Task) -> None:
    with pytest.raises(UsageError, match="a potential must not change"):
        task.with_training({"shaping": {"subgoals": "potential", "relevant_to": "instruction"}})
    with pytest.raises(UsageError, match="'position' is not a text field"):
        load_task("mountain-car").with_training(
            {"shaping": {"subgoals": "bonus", "relevant_to": "position"}}
        )


def test_the_export_learns_it_too(task: Task, tmp_path: Path) -> None:
    from tests.support.exports import exported

    shown: Any = exported(task, SOURCE, tmp_path)
    wrapped, rng, gamma = shown.env, np.random.default_rng(0), task.spec.training.gamma
    for _ in range(300):
        shown.reset(seed=int(rng.integers(10_000)))
        total, t, done = 0.0, 0, False
        while not done:
            obs, _, terminated, truncated, info = shown.step(
                int(rng.choice(3, p=(0.3, 0.55, 0.15)))
            )
            total, t, done = (
                total + gamma**t * info["reward_terms"]["subgoals"],
                t + 1,
                terminated or truncated,
            )
        assert np.array_equal(obs["subgoals"], info["subgoals"])
        assert info["native_reward"] == 0 or abs(total) < 1e-9
    found = [set(common) for common in wrapped._common.values()]
    assert len(found) == 4 and all(common >= NEEDED for common in found)
    assert sum(len(common - NEEDED) for common in found) <= 2
