"""The lines that make a task's environment as its policy saw it, for the example at the head of an exported file."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.task.environment import is_registered
from rewardsmith.task.loading import Task


def example(task: Task, module: str, shows_subgoals: bool) -> Sequence[str]:
    """Imports, the environment, the reward's wrapper around it, and what stands above that.

    Args:
        module: where RewardWrapper is imported from.
        shows_subgoals: the policy sees which are done.
    """
    env = task.spec.env
    arguments = [f"{name}={value!r}" for name, value in env.kwargs.items()]
    limit = [] if env.max_episode_steps is None else [f"max_episode_steps={env.max_episode_steps}"]
    imports = [_import(name) for name in env.wrappers]
    if is_registered(env.id):
        made = f"gym.make({', '.join([repr(env.id).replace(chr(39), chr(34)), *limit, *arguments])})"
        imports = ["import gymnasium as gym", *imports]
    else:
        made = f"{_attribute(env.id)}({', '.join(arguments)})"
        imports = [_import(env.id), *imports]
        if limit:
            imports = ["from gymnasium.wrappers import TimeLimit", *imports]
            made = f"TimeLimit({made}, {limit[0]})"
    ours = "RewardWrapper, ShowSubgoals" if shows_subgoals else "RewardWrapper"
    above = [*map(_attribute, env.wrappers), *(["ShowSubgoals"] if shows_subgoals else [])]
    worn = [f"env = {name}(env)" for name in above]
    return [*dict.fromkeys(imports), f"from {module} import {ours}", "", f"env = RewardWrapper({made})", *worn]


def _attribute(name: str) -> str:
    return name.partition(":")[2]


def _import(name: str) -> str:
    """Of ``module:Class`` or ``file.py:Class``."""
    place = name.partition(":")[0]
    own = f"  # {place} lies in the task's folder" if place.endswith(".py") else ""
    return f"from {place.removesuffix('.py')} import {_attribute(name)}{own}"
