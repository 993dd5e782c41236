"""Many environments of a task as one object that steps them all at once, in NumPy.

A task names such a class in ``[env] vector``. It is a :class:`gymnasium.vector.VectorEnv` that

- does not reset by itself (``AutoresetMode.DISABLED``): ``reset(options={"reset_mask": rows})``
  resets some rows, and the observation of a step is the last one of an episode that ends;
- has a random stream per row, seeded by ``reset(seed=[...])``, so that what happens in a row does
  not depend on the other rows; if it shows them as ``streams``, a list of NumPy generators, an
  interrupted training goes on with the same result;
- keeps no time limit: that of the task is kept outside;
- gives in ``field(name)`` the values of the functions in ``fields.py`` that the task's fields use,
  shape (n, ...), if there are any.

The preflight compares it with the single environment, row by row.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode, VectorEnv

from rewardsmith.errors import UsageError, boundary
from rewardsmith.task.actions import METHOD, says_what_is_legal
from rewardsmith.task.environment import import_attribute
from rewardsmith.task.loading import Task


def make_vector(task: Task, n: int, single: gym.Env[Any, Any]) -> VectorEnv[Any, Any, Any]:
    """The vector environment of a task with n rows.

    Args:
        single: one environment of the task, whose spaces it must have.

    Raises:
        UsageError: the class is not as described above.
        BoundaryError: it could not be made.
    """
    name = task.spec.env.vector
    make = import_attribute(task, name)
    with boundary("environment", f"making {name} with {n} environments"):
        made = make(n, **task.spec.env.kwargs)
    if problem := _problem(task, made, single):
        raise UsageError(f"[env] vector = {name!r}: {problem}", "see rewardsmith.task.vector")
    return made  # type: ignore[no-any-return]


def _problem(task: Task, made: Any, single: gym.Env[Any, Any]) -> str:
    """What is wrong with a vector environment; empty where nothing is."""
    if not isinstance(made, VectorEnv):
        return f"expected a gymnasium.vector.VectorEnv, found a {type(made).__name__}"
    if made.metadata.get("autoreset_mode") != AutoresetMode.DISABLED:
        return "expected metadata['autoreset_mode'] = AutoresetMode.DISABLED"
    if made.single_observation_space != single.observation_space:
        return f"its observations are {made.single_observation_space}, not those of {task.env_id}"
    if made.single_action_space != single.action_space:
        return f"its actions are {made.single_action_space}, not those of {task.env_id}"
    if says_what_is_legal(single):
        return f"{task.env_id} has {METHOD}(), which a vector environment cannot have"
    for field in task.spec.fields:
        if field.words:
            return f"field {field.name!r} is a text, which a vector environment cannot have"
        if field.parsed_source.kind == "function" and not hasattr(made, "field"):
            return f"field {field.name!r} needs its method field(name)"
    return ""
