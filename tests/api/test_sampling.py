"""Sample episodes: every kind is scored with the fitness of the task, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rewardsmith as rs
from tests.support.command_line import call
from tests.support.lineworld import write_task
from tests.support.trials import toy_task

LIGHT = [{"name": "light", "source": 'info["light"]', "at_reset": True}]


def test_held_and_scripted_actions_are_scored_beside_random_ones(tmp_path: Path) -> None:
    samples = {one.kind: one for one in rs.sample_episodes(str(write_task(tmp_path / "line")))}
    assert list(samples) == ["random", "held", "scripted"]
    for one in samples.values():
        low, mean, high = one.fitness
        assert low <= mean <= high and one.episodes >= 8 and 0 < one.steps <= 10
    assert samples["scripted"].fitness[2] > 0.9, "walking right all the time arrives"
    assert samples["scripted"].solved is not None and samples["scripted"].solved > 0


def test_the_controller_and_recorded_episodes_of_a_task_are_scored_too() -> None:
    expert = rs.sample_episodes("mountain-car", use_expert=True)[-1]
    assert (expert.kind, expert.solved) == ("expert", 1.0) and expert.fitness[0] > 0.9
    with pytest.raises(rs.UsageError):
        rs.sample_episodes("mountain-car", bank=["nothing.npz"])


def test_the_command_warns_of_a_fitness_that_tells_nothing_apart(tmp_path: Path) -> None:
    task = write_task(tmp_path / "line")
    (task / "fitness.py").write_text("def fitness(episode):\n    return 0.0, False\n")
    done = call(tmp_path, "tasks", "check", str(task))
    assert "all these episodes have the same fitness" in done.stderr
    assert "scripted" in done.stdout
    listed = json.loads(call(tmp_path, "tasks", "check", str(task), "--json").stdout)
    assert [one["kind"] for one in listed] == ["random", "held", "scripted"]


def test_a_page_shows_the_worst_and_the_best_episode_of_each_kind(tmp_path: Path) -> None:
    task, given = toy_task("tests.support.toy_envs:Drawn", LIGHT), tmp_path / "mine.npz"
    with rs.record(task) as env:
        env.reset(seed=0)
        while not env.episodes:
            env.step(env.action_space.sample())
        env.save(given)
    scores = rs.sample_page(task, tmp_path / "page.html", bank=[given])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert [one.kind for one in scores] == ["random", "held", "scripted", "mine.npz"]
    differ = [one.fitness[0] < one.fitness[2] for one in scores[:3]]
    assert page.count("<img") == 3 + sum(differ)
    assert page.count("No pictures") == 1 and "it was given" in page, "of mine.npz alone"
    assert page.count("<svg") >= page.count("<img") + 1
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ("tests.support.toy_envs:Pixels", "cannot draw itself"),
        ("tests.support.toy_envs:Moody", "could not be played again"),
    ],
)
def test_without_pictures_a_page_says_why_and_has_the_curves(
    env: str, why: str, tmp_path: Path
) -> None:
    rs.sample_page(toy_task(env, LIGHT), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert why in page and "<svg" in page and "<img" not in page


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    task = write_task(tmp_path / "line")
    done = call(tmp_path, "tasks", "check", str(task), "-o", "page.html")
    assert done.stdout.strip().endswith("page.html"), done.stderr
    assert "Reach the right end of the line" in (tmp_path / "page.html").read_text("utf-8")
    refused = call(tmp_path, "tasks", "check", str(task), "-o", str(task))
    assert refused.returncode == 2 and "found the folder" in refused.stderr
