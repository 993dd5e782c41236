"""The shipped tasks: their environments, numbers and yardsticks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.episodes.random_policy import random_behaviour
from rewardsmith.episodes.recording import play, record
from rewardsmith.task.environment import missing_modules
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.loading import Task, load_task, shipped_tasks
from rewardsmith.testing import TaskContract
from rewardsmith.types import Episode

NAMES = shipped_tasks()


@pytest.fixture(params=NAMES, scope="module")
def task(request: Any) -> Task:
    loaded = load_task(request.param)
    need_modules(loaded)
    return loaded


def need_modules(task: Task) -> None:
    """Skip where a task's packages are missing; under continuous integration, fail."""
    if missing := missing_modules(task.spec.env):
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{', '.join(missing)} not installed")


class TestShipped(TaskContract):
    @pytest.fixture(autouse=True)
    def _choose(self, task: Task) -> None:
        self._chosen = task

    def task(self) -> Task:
        return self._chosen


def test_its_numbers_and_all_its_fields_are_stated(task: Task) -> None:
    assert task.spec.fitness.random is not None and task.spec.fitness.solved is not None
    assert all(field.doc and (field.range or field.words) for field in task.spec.fields)


def test_the_yardsticks_reward_is_accepted(task: Task) -> None:
    from rewardsmith.api.programs import check_program

    source = (Path(str(task.folder)) / "expert.py").read_text(encoding="utf-8")
    verdict = check_program(source, task)
    assert verdict.accepted and verdict.style == "batched", verdict.findings


def hopped(heights: list[float], x: list[float], after: int = 100) -> Episode:
    """An episode of the hopper with one flight through given heights, and so many steps on the foot after it."""
    flight = np.pad(np.array(heights), (5, after))
    fields = {
        "foot_clearance": flight,
        "torso_height": 1.21 + flight,
        "x": np.concatenate(
            [np.full(5, x[0]), np.linspace(x[0], x[1], len(heights)), np.full(after, x[1])]
        ),
    }
    steps = len(flight) - 1
    return Episode(fields, np.zeros((steps, 3)), np.zeros(steps), after < 100, after >= 100)


def test_a_hop_counts_by_its_height_less_its_distance_and_only_when_landed() -> None:
    measure, arc = fitness_function(load_task("hopper-high-jump")), [0.2, 0.5, 0.2]
    assert measure(hopped(arc, [0.0, 0.0])).value == pytest.approx(0.5)
    assert measure(hopped(arc, [0.1, 0.3])).value == pytest.approx(0.3), (
        "from where it stood at the start"
    )
    assert measure(hopped(arc, [0.0, -0.8])) == (0.0, False), (
        "hopping along is no jump from the spot"
    )
    assert measure(hopped(arc, [0.0, 0.0], after=20)) == (0.0, False), "it fell"
    assert measure(hopped([], [0.0, 0.0])) == (0.0, False)


def test_the_arms_are_one_environment() -> None:
    """A run keeps a copy of the task's folder, so each arm has the whole file, and all the same."""
    arms = [load_task(name).folder for name in NAMES if name.startswith("arm-")]
    texts = {(folder / "env.py").read_text(encoding="utf-8") for folder in arms if folder}
    assert len(arms) > 1 and len(texts) == 1


def test_the_arm_is_where_its_pictures_and_its_programs_say() -> None:
    """Meta-World's success is about the fingertips; the observation has the hand, almost as far above as is allowed."""
    task = load_task("arm-reach")
    need_modules(task)
    with record(task) as env:
        play(env, task.function("expert.py", "policy"), 2, seed=100)
    for fields in (episode.fields for episode in env.episodes):
        near = np.linalg.norm(fields["fingertips"] - fields["goal"], axis=1)[1:] <= 0.05
        assert near.any() and not near.all() and (near == fields["success"]).all()


def test_a_lander_that_tilts_to_the_left_lands_on_its_left_leg() -> None:
    episodes = random_behaviour(load_task("lunar-lander"), 20).episodes
    sides = []
    for episode in episodes:
        left, right = (episode.fields[name].astype(bool) for name in ("left_leg", "right_leg"))
        for step in np.flatnonzero(left != right)[:1]:
            sides.append(bool(left[step]) == (episode.fields["angle"][step] > 0))
    assert len(sides) >= 10 and np.mean(sides) > 0.9
