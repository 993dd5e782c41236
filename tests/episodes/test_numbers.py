"""The numbers of an argument one by one, as the writer sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.task.drafting import task_from_env
from rewardsmith.task.loading import load_task
from tests.support.lineworld import write_task


def test_a_number_has_its_usual_values_and_its_change(tmp_path: Path) -> None:
    seen = collect_preflight(load_task(write_task(tmp_path / "line"))).report.arguments
    (position,) = seen["next_position"].numbers
    low, high = position.range
    assert low <= position.usual[0] < position.usual[1] <= high
    assert position.step is not None and 0.0 < position.step <= 0.25  # a step is at most that
    assert seen["terminated"].numbers == ()


def test_each_component_of_a_vector_is_described() -> None:
    seen = collect_preflight(task_from_env("CartPole-v1", goal="Stay up.")).report.arguments
    numbers = seen["next_obs"].numbers
    assert len(numbers) == 4
    for place in (0, 1):
        low, high = seen["next_obs"].range
        assert low - 1e-6 <= numbers[place].range[0] <= numbers[place].range[1] <= high + 1e-6
    assert numbers[0].range != pytest.approx(numbers[1].range)
