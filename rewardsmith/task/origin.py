"""How the environment that a user gave is made again in other processes.

Trainings make their own environments, so an environment is known by what can be imported: an id,
``module:Class``, or ``file.py:Class``. A class, a function that makes one, or an id that the user's
own code registered is traced back to one of these.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from rewardsmith.errors import UsageError
from rewardsmith.task.ids import qualified, registering_module
from rewardsmith.task.modules import search_current_folder

AnyEnvironment = str | EnvSpec | Callable[..., gym.Env[Any, Any]]
"""An id, ``module:Class``, ``file.py:Class``, a class, or a function that makes an environment."""

_IN_A_FILE = "move it to the top of a file of its own, for example env.py, and give {name!r}"


@dataclass(frozen=True)
class Origin:
    """How an environment is made.

    Attributes:
        env_id: a Gymnasium id, ``module:Class``, or ``path/to/file.py:Class``.
        max_episode_steps: a time limit that its registration names.
        solved: the return at which it counts as solved, if its registration names one.
    """

    env_id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    max_episode_steps: int | None = None
    solved: float | None = None


def origin_of(environment: AnyEnvironment, kwargs: Mapping[str, Any]) -> Origin:
    """Trace an environment back to what another process can import.

    Args:
        kwargs: arguments that it is made with.

    Raises:
        UsageError: it is an environment already made, or something that cannot be imported.
    """
    if isinstance(environment, EnvSpec):
        environment = environment.id
    if isinstance(environment, str):
        return _of_id(environment, kwargs)
    if isinstance(environment, functools.partial) and not environment.args:
        return origin_of(environment.func, {**environment.keywords, **kwargs})
    found: Any = environment
    if isinstance(found, gym.Env) or not callable(found):
        kind = type(found.unwrapped if isinstance(found, gym.Env) else found).__name__
        raise UsageError(
            f"expected the id or the class of an environment, found a {kind}",
            "every training makes its own environments: give the class, "
            "or a function that makes one",
        )
    return Origin(_importable(environment), kwargs)


def _of_id(env_id: str, kwargs: Mapping[str, Any]) -> Origin:
    search_current_folder()
    spec = gym.registry.get(env_id)
    if spec is None:
        return Origin(qualified(env_id), kwargs)
    entry = spec.entry_point
    place = entry if isinstance(entry, str) else getattr(entry, "__module__", "")
    if place.startswith("gymnasium."):
        return Origin(env_id, kwargs)
    file = _file_of(place.partition(":")[0])
    if _is_installed(file):
        return Origin(f"{registering_module(env_id, place)}:{env_id}", kwargs)
    if not isinstance(entry, str):
        made = _importable(entry)
    else:
        made = entry if file is None else f"{file}:{entry.partition(':')[2]}"
    return Origin(made, {**spec.kwargs, **kwargs}, spec.max_episode_steps, spec.reward_threshold)


def _importable(maker: Any) -> str:
    """``module:name`` of an installed module, ``path/to/file.py:name`` of the user's own.

    Raises:
        UsageError: it cannot be imported under its name.
    """
    name, module = getattr(maker, "__qualname__", ""), getattr(maker, "__module__", "") or ""
    if not name.isidentifier():
        shown = name or type(maker).__name__
        raise UsageError(
            f"{shown} cannot be imported by other processes: it is not at the top of a file",
            _IN_A_FILE.format(name="env.py:make_env"),
        )
    file = _file_of(module)
    if _is_installed(file) or (file is None and module != "__main__"):
        return f"{module}:{name}"
    if file is None:
        raise UsageError(
            f"{name} is defined in an interactive session, which trainings cannot import",
            _IN_A_FILE.format(name=f"env.py:{name}"),
        )
    if module == "__main__" and not _is_guarded(file):
        raise UsageError(
            f"{name} is defined in the script {file.name}, which would run again in every training",
            "begin its last part with: if __name__ == '__main__':\n"
            f"or {_IN_A_FILE.format(name=f'env.py:{name}')}",
        )
    return f"{file}:{name}"


def _file_of(module: str) -> Path | None:
    """The Python file of a module; None if it has none."""
    if module in sys.modules:
        found = getattr(sys.modules[module], "__file__", None)
    else:
        try:
            spec = importlib.util.find_spec(module) if module else None
        except ModuleNotFoundError:
            spec = None
        found = None if spec is None else spec.origin
    return Path(found) if found and found.endswith(".py") else None


def _is_installed(file: Path | None) -> bool:
    return file is not None and not {"site-packages", "dist-packages"}.isdisjoint(file.parts)


def _is_guarded(script: Path) -> bool:
    """Whether a script has ``if __name__ == "__main__":``, so that it can be imported."""
    body = ast.parse(script.read_text(encoding="utf-8")).body
    tests = [ast.unparse(node.test) for node in body if isinstance(node, ast.If)]
    return any("__name__" in test and "__main__" in test for test in tests)
