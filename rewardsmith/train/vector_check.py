"""Compares a task's vector environment with its single one, row by row."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.task.layout import WHOLE
from rewardsmith.task.loading import Task
from rewardsmith.train.vectors import BatchVecEnv, RecordedVecEnv, ScalarVecEnv
from rewardsmith.types import Array

_ROWS, _STEPS = 4, 250
# Rounding may differ in the last places, and grows from step to step where small changes do.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5
_HINT = (
    "step a row of the vector environment and the single environment by hand, with the same seed "
    "and actions; or leave out [env] vector"
)


def check_vector(task: Task) -> None:
    """Step both with the same seeds and the same random actions.

    Raises:
        UsageError: they differ; names the value, the row and the step.
        BoundaryError: one of them fails.
    """
    with closing(ScalarVecEnv(task, _ROWS)) as single, closing(BatchVecEnv(task, _ROWS)) as many:
        for venv in (single, many):
            venv.seed(0)
            venv.reset()
            venv.buffers.begin()
        for row, env in enumerate(single.envs):
            env.action_space.seed(row)
        _compare(task, single, many, "before", 0)
        for step in range(1, _STEPS + 1):
            actions = np.stack([np.asarray(env.action_space.sample()) for env in single.envs])
            for venv in (single, many):
                venv.step(actions)
            _compare(task, single, many, "after", step)
            for venv in (single, many):
                venv.buffers.advance()
            _compare(task, single, many, "before", step)


def _compare(
    task: Task, single: RecordedVecEnv, many: RecordedVecEnv, when: str, step: int
) -> None:
    one, other = single.buffers, many.buffers
    values = list(zip(getattr(one, when), getattr(other, when), strict=True))
    names = {view.leaf: name for name, view in one.layout.fields.items()}
    for leaf, (wanted, found) in enumerate(values):
        name = "the observation" if names[leaf] == WHOLE else f"field {names[leaf]!r}"
        _same(task, name, wanted, found, step)
    if when == "after":
        _same(task, "the reward", one.native_reward, other.native_reward, step)
        _same(task, "terminated", one.terminated, other.terminated, step)
        _same(task, "truncated", one.truncated, other.truncated, step)


def _same(task: Task, name: str, wanted: Array, found: Array, step: int) -> None:
    good = np.isclose(wanted, found, rtol=_RELATIVE, atol=_ABSOLUTE)
    if good.all():
        return
    row = int(np.argwhere(~good)[0][0])
    raise UsageError(
        f"{task.spec.env.vector} differs from {task.env_id}: after {step} steps, in row {row}, "
        f"{name} is {found[row].tolist()}, in the single environment {wanted[row].tolist()}",
        _HINT,
    )
