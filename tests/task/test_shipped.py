"""The shipped tasks: their environments, numbers and yardsticks."""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rewardsmith.episodes.random_policy import random_behaviour
from rewardsmith.episodes.recording import play, record
from rewardsmith.task.environment import make_env, missing_modules
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.layout import make_layout
from rewardsmith.task.loading import Task, load_task, shipped_tasks
from rewardsmith.types import Episode

NAMES = shipped_tasks()
EPISODES = 12


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


def expert(task: Task) -> Any:
    assert task.folder is not None
    spec = importlib.util.spec_from_file_location(
        f"expert_of_{task.name.replace('-', '_')}", task.folder / "expert.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def play_expert(task: Task, episodes: int) -> list[float]:
    """Fitness of the yardstick's policy, by episode."""
    with record(task) as env:
        play(env, expert(task).policy, episodes, seed=100)
        return [measured.value for measured in env.fitness()]


def about(values: list[float], stated: float) -> bool:
    """Within four standard errors of what was measured, and a little for its own error."""
    error = float(np.std(values, ddof=1)) / np.sqrt(len(values))
    return abs(float(np.mean(values)) - stated) < 4 * error + 0.02


def test_the_environment_is_a_good_one(task: Task) -> None:
    env = make_env(task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on metadata and ranges
        check_env(env.unwrapped, skip_render_check=True)
    env.close()


def test_the_fields_are_within_their_ranges(task: Task) -> None:
    env = make_env(task)
    layout = make_layout(task, env)
    env.close()
    assert {f"next_{field.name}" for field in task.offered_fields} <= set(layout.arguments)
    episodes = random_behaviour(task, 3, seed=1).episodes
    for field in task.spec.fields:
        words = (0.0, len(field.words) + 1.0) if field.words else None
        assert field.doc and (field.range or words) is not None
        values = np.concatenate([np.ravel(episode.fields[field.name]) for episode in episodes])
        low, high = field.range or words or (0.0, 0.0)
        slack = 0.05 * (high - low)  # the last value may be beyond a limit that ends the episode
        assert low - slack <= values.min() and values.max() <= high + slack, field.name


def test_random_and_expert_are_as_stated(task: Task) -> None:
    spec, measure = task.spec.fitness, fitness_function(task)
    assert spec.random is not None and spec.solved is not None
    assert about(
        [measure(episode).value for episode in random_behaviour(task, EPISODES, seed=7).episodes],
        spec.random,
    )
    if spec.expert is None:
        assert not hasattr(expert(task), "policy"), "a yardstick that plays must be measured"
        return
    values = play_expert(task, EPISODES)
    assert about(values, spec.expert) and np.mean(values) >= spec.solved


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
        play(env, expert(task).policy, 2, seed=100)
    for fields in (episode.fields for episode in env.episodes):
        near = np.linalg.norm(fields["fingertips"] - fields["goal"], axis=1)[1:] <= 0.05
        assert near.any() and not near.all() and (near == fields["success"]).all()
