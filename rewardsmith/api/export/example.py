"""The example at the head of an exported file: it makes the environment of the policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rewardsmith.task.ids import is_registered
from rewardsmith.task.loading import Task

_OURS = ("RewardWrapper", "ShowSubgoals", "TimeLimit", "gym", "env")


def example(task: Task, module: str, shows_subgoals: bool) -> Sequence[str]:
    """Imports, the environment, the reward's wrapper around it, and what stands above that.

    Args:
        module: where RewardWrapper is imported from.
        shows_subgoals: the policy sees which are done.
    """
    env = task.spec.env
    registered = is_registered(env.id)
    named = _names([*([] if registered else [env.id]), *env.wrappers])
    limit = [] if env.max_episode_steps is None else [f"max_episode_steps={env.max_episode_steps}"]
    arguments = [_argument(name, value) for name, value in env.kwargs.items()]
    imports = [_import(place, name) for place, name in named.items()]
    if registered:
        made = f"gym.make({', '.join([_quoted(env.id), *limit, *arguments])})"
        imports = ["import gymnasium as gym", *imports]
    else:
        made = f"{named[env.id]}({', '.join(arguments)})"
    limited = bool(limit) and not registered
    if limited:
        imports = ["from gymnasium.wrappers import TimeLimit", *imports]
    ours = "RewardWrapper, ShowSubgoals" if shows_subgoals else "RewardWrapper"
    above = [
        *(named[wrapper] for wrapper in env.wrappers),
        *(["ShowSubgoals"] if shows_subgoals else []),
    ]
    # TimeLimit passes options to the reset below it, which RewardWrapper leaves out
    worn = [f"env = TimeLimit(env, {limit[0]})"] if limited else []
    worn += [f"env = {name}(env)" for name in above]
    return [*imports, f"from {module} import {ours}", "", f"env = RewardWrapper({made})", *worn]


def _names(places: Sequence[str]) -> dict[str, str]:
    """A unique name for ``module:Class`` or ``file.py:Class``."""
    named: dict[str, str] = {}
    for place in places:
        name = place.partition(":")[2]
        while place not in named and name in (*_OURS, *named.values()):
            name += "_"
        named.setdefault(place, name)
    return named


def _import(place: str, name: str) -> str:
    module, _, attribute = place.partition(":")
    if not module.endswith(".py"):
        return f"from {module} import {attribute}" + (f" as {name}" if name != attribute else "")
    parts = module.removesuffix(".py").split("/")
    if not all(part.isidentifier() for part in parts):
        loaded = f"__import__('runpy').run_path({_quoted(module)})[{_quoted(attribute)}]"
        return f"{name} = {loaded}  # in the task's folder"
    renamed = f" as {name}" if name != attribute else ""
    imported = f"from {'.'.join(parts)} import {attribute}{renamed}"
    return f"{imported}  # {module} lies in the task's folder"


def _argument(name: str, value: Any) -> str:
    shown = (
        f'float("{value}")'
        if isinstance(value, float) and not math.isfinite(value)
        else repr(value)
    )
    return f"{name}={shown}" if name.isidentifier() else f"**{{{name!r}: {shown}}}"


def _quoted(text: str) -> str:
    return '"' + text + '"'
