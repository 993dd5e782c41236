"""Trains agents of a task in this process, which kills itself on the way if it is told so."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rewardsmith.run.trials import TrialJob
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.parsing import parse_spec
from rewardsmith.terms.reward import Reward
from rewardsmith.train import continuing
from rewardsmith.train.group import train_group
from rewardsmith.train.trainers import Member, RunningFunctions
from rewardsmith.types import Columns, Output


class Effort:
    """A reward of the action, by a program that may end its process.

    Args:
        ends_after: transitions; 0 for never.
    """

    name, arguments, ranks = "effort", ("action", "next_obs"), True

    def __init__(self, ends_after: int) -> None:
        self._left = ends_after

    def opened(self, venv: Any) -> RunningFunctions:
        return RunningFunctions(Reward([self]))

    def __call__(self, columns: Columns) -> Output:
        n = len(columns["action"])
        if 0 < self._left <= n:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= n
        rows = columns["next_obs"].reshape(n, -1)
        size = np.square(columns["action"].reshape(n, -1)).sum(axis=1)
        return Output(rows.sum(axis=1) - 0.1 * size)


def train(
    folder: Path, task: Task, steps: int, seeds: Sequence[int] = (0, 1), ends_after: int = 0
) -> list[Path]:
    """The folders of trials that are trained together and saved at each row of their curves."""
    torch.set_num_threads(1)
    continuing.FIRST_S, continuing.SHARE = 0.0, 1e9
    members = []
    for seed in seeds:
        job = TrialJob(
            program="toy", seed=seed, steps=steps, training=task.spec.training,
            evaluation=task.spec.evaluation, device="cpu",
        )  # fmt: skip
        (folder / str(seed)).mkdir(parents=True, exist_ok=True)
        members.append(Member(job, folder / str(seed), Effort(ends_after).opened))
    train_group(task, members)
    return [member.folder for member in members]


def task_of(shipped: str, spec: dict[str, Any]) -> Task:
    """A shipped task with other training settings, or one of a specification."""
    if shipped:
        return load_task(shipped).with_training(spec)
    return Task("toy", parse_spec(spec, "toy"))
