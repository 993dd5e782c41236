"""The task's own labels of subgoals: whether each holds after each step of an episode.

The function is in the task's folder. It may use every recorded field, including hidden ones. Only
audits use it, and programs never see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rewardsmith.errors import BoundaryError
from rewardsmith.task.loading import Task
from rewardsmith.types import Array, Episode

LabelFunction = Callable[[Episode], Mapping[str, Array]]


def label_function(task: Task) -> LabelFunction:
    """The function that labels an episode; it returns an empty mapping for a task without labels.

    Returns:
        A function: episode -> label -> whether it holds after each step, shape (T,), bool.

    Raises:
        UsageError: the function that the task names does not exist.
    """
    if not task.spec.labels:
        return lambda _: {}
    file, _, name = task.spec.labels.partition(":")
    function = task.function(file, name)

    def labels(episode: Episode) -> Mapping[str, Array]:
        try:
            found = {label: np.asarray(values, bool) for label, values in function(episode).items()}
        except Exception as error:
            raise _wrong(task, f"{type(error).__name__}: {error}") from error
        for label, values in found.items():
            if values.shape != (len(episode),):
                raise _wrong(
                    task,
                    f"{label!r} has shape {values.shape}, "
                    f"expected ({len(episode)},): one value per step",
                )
        return found

    return labels


def _wrong(task: Task, what: str) -> BoundaryError:
    return BoundaryError(
        f"{task.spec.labels} of task {task.name} failed: {what}", "fix it", where="environment"
    )
