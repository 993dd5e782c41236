"""Success flags that are no bool: 1.0 of float32, 1, a bool of numpy, an array of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import BoundaryError
from rewardsmith.task.values import success_flag
from tests.support.cases import checked, new_task

CLOSER = """
import numpy as np

def reward(obs, next_obs):
    return {"closer": np.abs(obs[:, 0] - obs[:, 1]) - np.abs(next_obs[:, 0] - next_obs[:, 1])}
"""
KINDS = ["Float", "Int", "Bool", "NumpyBool", "Array", "NoneUntilTheEnd"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_flag_of_any_kind_is_the_fitness(kind: str, tmp_path: Path) -> None:
    task, _ = new_task(f"line.py:Success{kind}", tmp_path)
    assert task.spec.fitness.source == 'info["is_success"]'
    collected = collect_preflight(task)
    ended = [float(episode.terminated) for episode in collected.behaviour.episodes]
    assert list(collected.report.random_fitness) == ended and set(ended) == {0.0, 1.0}


def test_a_program_is_checked(tmp_path: Path) -> None:
    checked(CLOSER, new_task("line.py:SuccessFloat", tmp_path)[0])


def test_a_graded_success_is_no_flag(tmp_path: Path) -> None:
    """It is not drafted as one; where the user names it, the hint is a fitness function."""
    task, _ = new_task("line.py:SuccessGraded", tmp_path)
    assert task.spec.fitness.source == "native_return"

    def named(text: str) -> str:
        return text.replace('"native_return"', "'info[\"is_success\"]'", 1)

    task, _ = new_task("line.py:SuccessGraded", tmp_path / "other", named)
    with pytest.raises(BoundaryError, match="must be True or False, or 1 or 0") as caught:
        collect_preflight(task)
    assert caught.value.where == "environment" and "fitness.py" in caught.value.hint


@pytest.mark.parametrize("value", ["yes", [1, 1], 0.5, float("nan"), {}])
def test_what_is_no_flag(value: object) -> None:
    with pytest.raises(ValueError, match="success flag"):
        success_flag(value)
