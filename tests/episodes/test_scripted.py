"""Scripted episodes: legal actions of every family, repeatable, and recorded like any other."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from rewardsmith.episodes.scripted import Script, play_scripts, scripts
from rewardsmith.task.loading import load_task

SPACES = {
    "discrete": spaces.Discrete(3, start=1),
    "box": spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32)),
    "several": spaces.MultiDiscrete([3, 2]),
    "bits": spaces.MultiBinary(4),
    "unbounded": spaces.Box(-np.inf, np.inf, (2,), np.float32),
}


def first(script: Script, count: int) -> list[Any]:
    return list(itertools.islice(script, count))


@pytest.mark.parametrize("name", SPACES)
def test_every_action_is_legal(name: str) -> None:
    space = SPACES[name]
    replay = np.stack([np.asarray(space.sample()) for _ in range(10)])
    for script in scripts(space, [replay], seed=0):
        assert all(
            space.contains(space.sample().__class__(a) if name == "discrete" else a)
            for a in first(script, 40)
        )


def test_scripts_hold_oscillate_and_switch() -> None:
    kinds = [len({str(a) for a in first(script, 200)}) for script in scripts(SPACES["box"], [], 0)]
    assert kinds[:12] == [1] * 12 and set(kinds[12:]) == {2}


def test_every_discrete_action_is_held_once() -> None:
    held = [first(script, 5) for script in scripts(SPACES["discrete"], [], 0)][:3]
    assert [set(actions) for actions in held] == [{1}, {2}, {3}]


def test_replays_stop_short_of_the_success_and_are_mirrored() -> None:
    replay = np.array([1, 2, 3, 3, 1, 2, 3, 3, 1, 2])
    found = [first(script, 14) for script in scripts(SPACES["discrete"], [replay], 0)][32:]
    cuts, mirrored = found[:8], found[8:]
    assert cuts[0] == [1, 2, 3, 3, 1] + [1] * 9
    assert mirrored[0] == [3, 2, 1, 1, 3, 2, 1, 1, 3, 2, 3, 2, 1, 1]


def test_the_same_seed_plays_the_same_episodes() -> None:
    task = load_task("mountain-car")
    one, steps = play_scripts(task, seed=3)
    two, _ = play_scripts(task, seed=3)
    assert steps == sum(map(len, one)) and len(one) == 32
    for first_time, again in zip(one, two, strict=True):
        np.testing.assert_array_equal(first_time.actions, again.actions)
        np.testing.assert_array_equal(first_time.fields["position"], again.fields["position"])
        assert len(first_time.fields["position"]) == len(first_time) + 1
    assert all(episode.terminated or episode.truncated for episode in one)
