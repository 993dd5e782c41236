"""Simulators that are too slow for a look of 2000 steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.engine.observer import Observer
from rewardsmith.episodes.random_policy import LEAST_EPISODES, collect_preflight
from rewardsmith.episodes.scripted import HELD, LEAST_SCRIPTED, play_scripts
from rewardsmith.task.drafting import draft_task
from rewardsmith.task.environment import make_env
from rewardsmith.task.look import LEAST_LOOK_STEPS, LOOK_STEPS, look_at
from rewardsmith.task.timebox import TimeBox
from rewardsmith.types import Episode
from tests.support.trials import MATCH, toy_task

MATCH_ID = "tests.support.toy_envs:Match"


class Clock:
    """Half a second passes whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every environment is too slow."""
    monkeypatch.setattr("rewardsmith.task.look._LOOK_S", 0.0)
    monkeypatch.setattr("rewardsmith.episodes.random_policy._LOOK_S", 0.0)


def test_the_look_ends_in_time_and_reports_how_far_it_is() -> None:
    said: list[str] = []
    with make_env(toy_task(MATCH_ID)) as env:
        look = look_at(env, time_box=TimeBox("the look", 60.0, said.append, Clock()))
    assert LEAST_LOOK_STEPS < look.steps < LOOK_STEPS and look.slow
    assert len(said) > 5 and said[0].startswith("the look: ")


def test_a_fast_environment_is_looked_at_as_before() -> None:
    said: list[str] = []
    with make_env(toy_task(MATCH_ID)) as env:
        look = look_at(env, time_box=TimeBox("the look", 1e9, said.append, lambda: 0.0))
    assert look.steps == LOOK_STEPS and not look.slow and not said


def test_a_draft_says_what_was_measured(no_time: None, tmp_path: Path) -> None:
    notes = draft_task(MATCH_ID, "Name it.", tmp_path / "task").notes
    (slow,) = [note for note in notes if "s per step" in note]
    assert f"ended after {LEAST_LOOK_STEPS} steps" in slow and "a training of 200000 steps" in slow
    assert slow in " ".join((tmp_path / "task" / "task.toml").read_text().split())


def test_the_random_episodes_end_in_time(no_time: None, tmp_path: Path) -> None:
    found = collect_preflight(toy_task(MATCH_ID))
    assert len(found.behaviour.episodes) == len(found.held.episodes) == LEAST_EPISODES
    assert any("random episodes ended after" in warning for warning in found.report.warnings)
    said: list[str] = []

    class Told(Observer):
        def doing(self, what: str) -> None:
            said.append(what)

    source = f"import numpy as np\n\n\n{MATCH}"
    checked = rs.check(source, toy_task(MATCH_ID), runs=tmp_path, observer=Told())
    assert checked.verdict.accepted and "s per step" in said[-1]


def test_the_scripted_episodes_end_in_time_and_are_of_several_families() -> None:
    said: list[str] = []
    task = toy_task(MATCH_ID)
    whole, _ = play_scripts(task)
    some, steps = play_scripts(task, time_box=TimeBox("scripts", 0.0, said.append, Clock()))
    assert len(some) == LEAST_SCRIPTED and steps == sum(map(len, some))
    assert said and said[0].startswith("scripts: ")
    places = [number for number in range(len(whole)) if any(map(same(whole[number]), some))]
    assert places[0] < HELD <= places[-1]


def same(one: Episode) -> Callable[[Episode], bool]:
    return lambda other: np.array_equal(one.actions, other.actions)
