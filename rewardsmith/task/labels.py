"""A task's own truth about subgoals: after which steps of an episode each holds. Programs never see it.

It lies in the task's folder, is read for audits only, and may use every recorded field, hidden ones
too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rewardsmith.errors import BoundaryError
from rewardsmith.task.loading import Task
from rewardsmith.types import Array, Episode

LabelFunction = Callable[[Episode], Mapping[str, Array]]


def label_function(task: Task) -> LabelFunction:
    """(episode) -> label -> whether it holds after each step, shape (T,), bool; nothing for a task without labels.

    Raises:
        UsageError: the task names a function that is not there.
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
                    f"{label!r} has shape {values.shape}, expected ({len(episode)},): one for each step",
                )
        return found

    return labels


def _wrong(task: Task, what: str) -> BoundaryError:
    return BoundaryError(
        f"{task.spec.labels} of task {task.name} failed: {what}", "mend it", where="environment"
    )
