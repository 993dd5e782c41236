"""Keys of info that come at the end only, are None, change their length, or are no numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.parsing import parse_spec
from rewardsmith.task.spec import TaskSpec
from rewardsmith.writers.card import task_card
from tests.cases.envs import line
from tests.support.cases import checked, new_task, same_in_the_export

NEAR_THE_END = """
def reward(next_speed, next_final_distance, next_corner):
    return {"near": -next_final_distance, "slow": -next_speed, "corner": next_corner[:, 1]}
"""
ERROR = "def reward(next_error):\n    return {'near': -next_error}\n"


def fields(spec: TaskSpec) -> dict[str, FieldSpec]:
    return {field.name: field for field in spec.fields}


def test_what_comes_at_the_end_has_a_default(tmp_path: Path) -> None:
    """The draft states it, says so to the writer, and notes that it should be chosen."""
    task, notes = new_task("line.py:EndReport", tmp_path)
    drafted = fields(task.spec)
    assert drafted["final_distance"].default == 0.0 and drafted["speed"].default is None
    assert drafted["corner"].default == (0.0, 0.0)
    assert drafted["final_distance"].doc.endswith("of 2000 random steps")
    assert 'info["final_distance"] was reported in' in notes
    program = checked(NEAR_THE_END, task)
    actions = [[1.0]] * line.STEPS
    rewards = same_in_the_export(program, task, line.EndReport(), tmp_path / "reward.py", actions)
    assert rewards


def test_a_default_of_ones_own(tmp_path: Path) -> None:
    def edit(text: str) -> str:
        return text.replace("default = 0.0 ", "default = -1.0 ")

    task, _ = new_task("line.py:EndReport", tmp_path, edit)
    for episode in collect_preflight(task).behaviour.episodes:
        distances = episode.fields["final_distance"]
        assert (distances[:-1] == -1.0).all() and distances[-1] >= 0.0


def test_the_writer_is_told_the_default(tmp_path: Path) -> None:
    task, _ = new_task("line.py:EndReport", tmp_path)
    card = task_card(task.spec, collect_preflight(task).report, steps=100)
    docs = {field.name: field.doc for field in card.fields}
    assert docs["final_distance"].endswith("; 0 where the environment reports no value")
    assert docs["corner"].endswith("; 0, 0 where the environment reports no value")


def test_none_at_reset_and_now_and_then(tmp_path: Path) -> None:
    task, _ = new_task("line.py:NoneAtReset", tmp_path)
    drafted = fields(task.spec)
    assert not drafted["error"].at_reset and drafted["error"].default == 0.0
    assert drafted["odd"].default is None and not drafted["odd"].at_reset
    program = checked(ERROR, task)
    actions = [[1.0]] * 5
    same_in_the_export(program, task, line.NoneAtReset(), tmp_path / "reward.py", actions)


def test_what_no_program_can_read_is_noted(tmp_path: Path) -> None:
    task, notes = new_task("line.py:Ragged", tmp_path)
    assert list(fields(task.spec)) == ["obs_0", "obs_1", "speed"]
    assert 'info["paths"] is no field: it is no array of numbers' in notes
    assert 'info["seen"] is no field: its shape changes: (1,), then (2,)' in notes
    assert 'info["clouds"] is no field: it is no array of numbers' in notes
    assert 'info["parts"] is no field: it is a dict' in notes
    assert 'info["phase"] is no field: it is a text' in notes
    assert (tmp_path / "task" / "task.toml").read_text().count("# Note: info[") == 5
    checked("def reward(next_speed):\n    return {'slow': -next_speed}\n", task)


def spec_with(field: dict[str, Any], env: str = "EndReport") -> TaskSpec:
    return parse_spec(
        {
            "goal": "go",
            "env": {"id": f"tests.cases.envs.line:{env}"},
            "fields": [field],
            "fitness": {"source": "native_return"},
        },
        "a task",
    )


def test_without_a_default_the_error_says_what_to_write() -> None:
    from rewardsmith.task.loading import Task

    field = {"name": "final", "source": 'info["final_distance"]'}
    with pytest.raises(UsageError, match="info has no 'final_distance' after a step") as caught:
        collect_preflight(Task("t", spec_with(field)))
    assert "default = 0" in caught.value.hint
    field = {"name": "error", "source": 'info["error"]'}
    with pytest.raises(
        BoundaryError, match=r"info\['error'\] after step 3 of an episode"
    ) as failed:
        collect_preflight(Task("t", spec_with(field, "NoneAtReset")))
    assert failed.value.where == "environment" and "default = 0" in failed.value.hint
    field = {"name": "seen", "source": 'info["seen"]'}
    with pytest.raises(BoundaryError, match=r"expected numbers of shape \(1,\), found \[0, 1\]"):
        collect_preflight(Task("t", spec_with(field, "Ragged")))


def test_a_key_that_never_came_is_a_warning() -> None:
    from rewardsmith.task.loading import Task

    field = {"name": "final", "source": 'info["final_distanse"]', "default": -1.0}
    (warning,) = collect_preflight(Task("t", spec_with(field))).report.warnings
    assert "'final'" in warning and "never reported" in warning


@pytest.mark.parametrize(
    ("default", "source"),
    [
        (float("nan"), 'info["x"]'),
        (float("inf"), 'info["x"]'),
        (0.0, "obs[0]"),
        (0.0, 'info["x"][0]'),
    ],
)
def test_what_is_no_default(default: float, source: str) -> None:
    with pytest.raises(UsageError, match="default"):
        spec_with({"name": "x", "source": source, "default": default})
