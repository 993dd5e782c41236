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
    env, wrappers = task.spec.env, [_place(name) for name in task.spec.env.wrappers]
    arguments = [f"{name}={value!r}" for name, value in env.kwargs.items()]
    limit = [] if env.max_episode_steps is None else [f"max_episode_steps={env.max_episode_steps}"]
    imports = [f"from {place} import {name}" for place, name in wrappers]
    if is_registered(env.id):
        made = f"gym.make({', '.join([repr(env.id).replace(chr(39), chr(34)), *limit, *arguments])})"
        imports = ["import gymnasium as gym", *imports]
    else:
        place, name = _place(env.id)
        made = f"{name}({', '.join(arguments)})"
        imports = [f"from {place} import {name}", *imports]
        if limit:
            imports = ["from gymnasium.wrappers import TimeLimit", *imports]
            made = f"TimeLimit({made}, {limit[0]})"
    ours = "RewardWrapper, ShowSubgoals" if shows_subgoals else "RewardWrapper"
    above = [*(name for _, name in wrappers), *(["ShowSubgoals"] if shows_subgoals else [])]
    worn = [f"env = {name}(env)" for name in above]
    return [*dict.fromkeys(imports), f"from {module} import {ours}", "", f"env = RewardWrapper({made})", *worn]


def _place(name: str) -> tuple[str, str]:
    """Module and attribute of ``module:Class`` or ``file.py:Class``."""
    module, _, attribute = name.partition(":")
    return module.removesuffix(".py"), attribute
