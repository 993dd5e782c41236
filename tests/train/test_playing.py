"""Episodes of several checkpoints at once are those of each alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rewardsmith.run.trials import TRAINED, TrainedReport, TrialJob
from rewardsmith.task.loading import Task
from rewardsmith.terms.reward import as_reward
from rewardsmith.testing.toy import toy_task
from rewardsmith.train.playing import Player, Rollout
from rewardsmith.train.trainers import Member, RunningFunctions
from rewardsmith.train.trial import run_training
from rewardsmith.types import Episode
from tests.support.tanks import tank_task

TASKS: dict[str, Task] = {
    "one after another": toy_task({"n_envs": 2}, continuous=True),
    "vector": tank_task("Tanks"),
    "ends at different times": tank_task(),
    "one environment": toy_task(
        {"n_envs": 1, "hyperparameters": {"n_steps": 16, "batch_size": 16}}, continuous=True
    ),
    "other policies": toy_task(
        {"algorithm": "A2C", "hyperparameters": {"n_steps": 16}}, continuous=True
    ),
}


def functions(venv: Any) -> RunningFunctions:
    return RunningFunctions(as_reward(None))


def trained(task: Task, folder: Path) -> list[str]:
    """Names of the checkpoints of a short training."""
    torch.set_num_threads(1)
    spec = task.spec
    job = TrialJob(steps=160, training=spec.training, evaluation=spec.evaluation, device="cpu")
    run_training(task, Member(job, folder, functions))
    return TrainedReport.model_validate_json((folder / TRAINED).read_text()).checkpoints


def played(task: Task, folder: Path, at_once: int, names: list[str], **more: Any) -> list[Rollout]:
    with closing(Player(task, task.spec.training, at_once, 3, functions)) as player:
        return player.play(folder, names, 5, more.pop("deterministic", True), **more)


def same(one: Episode, other: Episode) -> bool:
    return np.array_equal(one.actions, other.actions) and all(
        np.array_equal(values, other.fields[name]) for name, values in one.fields.items()
    )


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("deterministic", [True, False])
def test_checkpoints_play_as_each_alone(name: str, deterministic: bool, tmp_path: Path) -> None:
    task = TASKS[name]
    if name == "other policies" and not deterministic:
        pytest.skip("Stable-Baselines3 draws from one stream for all policies")
    names = trained(task, tmp_path)[-2:]
    together = played(task, tmp_path, 2, names, deterministic=deterministic)
    alone = [
        *played(task, tmp_path, 1, names[:1], deterministic=deterministic),
        *played(task, tmp_path, 1, names[1:], deterministic=deterministic),
    ]
    assert [len(rollout.episodes) for rollout in together] == [3, 3]
    for one, other in zip(together, alone, strict=True):
        assert all(map(same, one.episodes, other.episodes))
        assert one.steps == sum(map(len, one.episodes)) == other.steps
    assert not all(map(same, together[0].episodes, together[1].episodes))


def test_a_part_of_the_checkpoints_may_play(tmp_path: Path) -> None:
    """As the best one does, disturbed, after all were ranked."""
    task = TASKS["ends at different times"]
    names = trained(task, tmp_path)
    with closing(Player(task, task.spec.training, len(names), 3, functions)) as player:
        player.play(tmp_path, names, 5, True)
        (some,) = player.play(tmp_path, names[1:2], 5, True)
        (disturbed,) = player.play(tmp_path, names[1:2], 5, True, disturbed=True)
    (alone,) = played(task, tmp_path, 1, names[1:2])
    assert all(map(same, some.episodes, alone.episodes))
    assert not all(map(same, some.episodes, disturbed.episodes))
