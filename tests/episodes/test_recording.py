"""Episodes that a user recorded: they are stored unchanged, and programs are applied to them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.episodes.random_policy import random_behaviour
from rewardsmith.task.loading import load_task
from tests.support.command_line import call, refused
from tests.support.lineworld import write_task

RIGHT = "import numpy as np\n\n\ndef right(observation):\n    return np.array([1.0])\n"
REWARD = """
def reward(position, next_position, terminated):
    return {"gain": next_position - position, "end": 1.0 * terminated}
"""


def test_episodes_are_those_that_random_behaviour_would_record(tmp_path: Path) -> None:
    """The same actions, played by the user's loop and by ours."""
    task = load_task(write_task(tmp_path / "line"))
    expected = random_behaviour(task, episodes=3).episodes
    with rs.record(task) as env:
        seed: int | None = 0
        for episode in expected:
            env.reset(seed=seed)
            seed = None
            for action in episode.actions:
                env.step(action)
        path = env.save(tmp_path / "mine.npz")
    found = rs.load_episodes(path)
    assert len(found) == 3
    for one, other in zip(found, expected, strict=True):
        assert (one.terminated, one.truncated, len(one)) == (
            other.terminated,
            other.truncated,
            len(other),
        )
        np.testing.assert_array_equal(one.native_rewards, other.native_rewards)
        for name, values in other.fields.items():
            np.testing.assert_array_equal(one.fields[name], values)


def test_an_episode_that_was_left_is_forgotten(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "line"))
    with rs.record(task) as env:
        env.reset(seed=0)
        env.step(np.array([-1.0]))
        env.reset(seed=0)
        done = False
        while not done:
            _, _, terminated, truncated, _ = env.step(np.array([1.0]))
            done = terminated or truncated
        assert len(env.episodes) == 1 and (np.diff(env.episodes[0].fields["position"]) > 0).all()
        assert env.fitness()[0].success


def test_nothing_to_keep(tmp_path: Path) -> None:
    env = rs.record(load_task(write_task(tmp_path / "line")))
    with env, pytest.raises(rs.UsageError, match="no episode has ended"):
        env.save(tmp_path / "mine.npz")


def test_a_controller_is_recorded_and_a_program_looked_at_on_its_episodes(tmp_path: Path) -> None:
    write_task(tmp_path / "line")
    (tmp_path / "walk.py").write_text(RIGHT)
    (tmp_path / "reward.py").write_text(REWARD)
    done = call(
        tmp_path, "tasks", "record", "line", "--by", "walk.py:right", "--episodes", "3", "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [episode["success"] for episode in told["episodes"]] == [True] * 3
    done = call(
        tmp_path, "check", "reward.py", "--task", "line", "--episodes", told["file"], "--json"
    )
    ranges = json.loads(done.stdout)["ranges"]
    assert ranges["transitions"] == sum(episode["steps"] for episode in told["episodes"])
    assert ranges["terms"]["gain"][0] > 0 and ranges["terms"]["end"][2] == 1.0
    shown = call(
        tmp_path, "check", "reward.py", "--task", "line", "--episodes", told["file"]
    ).stdout
    assert "your episodes in episodes.npz" in shown


def test_bad_input(tmp_path: Path) -> None:
    write_task(tmp_path / "line")
    (tmp_path / "walk.py").write_text(RIGHT)
    (tmp_path / "reward.py").write_text(REWARD)
    (tmp_path / "episodes.npz").write_text("no zip")
    record = ("tasks", "record", "line", "--by")
    refused(call(tmp_path, *record, "walk.py:left"), 2, says="no function 'left'", hints="action")
    refused(call(tmp_path, *record, "walk"), 2, says="FILE:FUNCTION", hints="controller.py")
    check = ("check", "reward.py", "--task", "line", "--episodes", "episodes.npz")
    refused(call(tmp_path, *check), 2, says="cannot read episodes", hints="tasks record")
