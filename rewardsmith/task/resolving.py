"""Find the task that the user named."""

from __future__ import annotations

import re
from pathlib import Path

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.task.drafting import task_from_env
from rewardsmith.task.files import TASK_FILE
from rewardsmith.task.loading import Task, known_tasks, load_task
from rewardsmith.task.origin import AnyEnvironment

AnyTask = Task | AnyEnvironment
"""A task, its name, its folder, or an environment."""


def is_task(name: str | None) -> bool:
    """Whether it names a task or a task folder, and not an environment; None names a run's."""
    return name is None or (Path(name) / TASK_FILE).is_file() or name in known_tasks()


def resolve_task(task: AnyTask, goal: str | None = None) -> Task:
    """A task, the name of a shipped one, a task folder, or an environment.

    Raises:
        UsageError: it is none of these, or an environment without a goal.

    Example:
        rs.resolve_task("CartPole-v1", goal="Keep the pole upright.")
    """
    if isinstance(task, Task):
        return task
    if not isinstance(task, str):
        return task_from_env(task, goal)
    if is_task(task):
        return load_task(task, goal)
    try:
        return task_from_env(task, goal)
    except UsageError as error:
        if _looks_like_a_folder(task):
            raise UsageError(f"{task!r} is no task folder", _folders_beside(task)) from error
        near = did_you_mean(task, known_tasks())
        if near.startswith("did you mean") and ":" not in task and not task[-1:].isdigit():
            raise UsageError(f"there is no task or environment {task!r}", near) from error
        raise


def _looks_like_a_folder(name: str) -> bool:
    """Whether the name is that of a folder, and not an id such as ``ALE/Pong-v5``."""
    is_id = ":" in name or re.search(r"-v\d+$", name) is not None
    return Path(name).is_dir() or ("/" in name and not is_id)


def _folders_beside(name: str) -> str:
    """A sentence about the task folders that lie beside a folder that is none."""
    if Path(name).is_dir():
        return f"the folder has no {TASK_FILE}; rewardsmith tasks new drafts one"
    found = [str(file.parent) for file in Path(name).parent.glob(f"*/{TASK_FILE}")]
    return did_you_mean(name, found) if found else "draft one with rewardsmith tasks new"
