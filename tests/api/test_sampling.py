"""Sample episodes: every kind is scored with the fitness of the task, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rewardsmith as rs
from tests.support.command_line import call
from tests.support.lineworld import write_task


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
