"""Make the environments of a task. Their failures are never attributed to a program."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import TimeLimit

from rewardsmith.errors import BoundaryError, UsageError, boundary, described, did_you_mean
from rewardsmith.task.conforming import MIGRATION, Reset, Step, reset_result, step_result
from rewardsmith.task.ids import (
    how_to_install,
    is_registered,
    lacks_module,
    place_of,
    unknown,
)
from rewardsmith.task.loading import Task
from rewardsmith.task.modules import search_current_folder, warning_filters_kept
from rewardsmith.task.reset import fit_reset
from rewardsmith.task.spec import EnvironmentSpec

# steps; of an environment that neither ends by itself before nor declares a longer time limit
LONGEST_EPISODE = 200_000
LIMIT = "set [env] max_episode_steps in the task: an episode may end before"
_ARGUMENTS = (
    "give arguments with [env] kwargs = { name = value }, or --kwargs NAME=VALUE; "
    "or name a function that makes the environment, in the place of its class"
)

_BROKEN = (
    "--debug shows the traceback; if another package raises the error, it may not fit the version "
    "of a package that it uses"
)


def make_env(task: Task, render_mode: str | None = None) -> gym.Env[Any, Any]:
    """The bare environment of a task, with its time limit and without ``[env] wrappers``.

    Raises:
        UsageError: there is no such environment, or it is of a kind that cannot be trained on.
        BoundaryError: the environment's own constructor failed.
    """
    spec = task.spec.env
    if missing := missing_modules(spec):
        raise UsageError(
            f"task {task.name} needs {' and '.join(missing)}, not installed",
            spec.install or f"pip install {' '.join(missing)}",
        )
    kwargs = (
        dict(spec.kwargs) if render_mode is None else {**spec.kwargs, "render_mode": render_mode}
    )
    with warning_filters_kept():
        make = _make_registered if is_registered(spec.id) else _make_class
        env = make(task, kwargs)
    _refuse_foreign(env, spec.id)
    fit_reset(env)
    return env


def longest_episode(task: Task, env: gym.Env[Any, Any]) -> int | None:
    """The time limit of episodes in steps, if the task or the environment declares one."""
    wrapped = "_max_episode_steps"  # of TimeLimit, also inside what a user's function returns
    limits = (
        task.spec.env.max_episode_steps,
        getattr(env.spec, "max_episode_steps", None),
        env.get_wrapper_attr(wrapped) if env.has_wrapper_attr(wrapped) else None,
        getattr(env.unwrapped, "max_steps", None),
    )
    return next((limit for limit in limits if isinstance(limit, int) and limit > 0), None)


def most_steps(task: Task, env: gym.Env[Any, Any]) -> int:
    """Steps after which an episode counts as endless; a declared time limit may be longer."""
    return max(LONGEST_EPISODE, longest_episode(task, env) or 0)


def missing_modules(spec: EnvironmentSpec) -> list[str]:
    """Modules that the environment needs and that are not installed."""
    return [name for name in spec.needs if importlib.util.find_spec(name.partition(".")[0]) is None]


def wrap_env(task: Task, env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """Apply the task's own wrappers to an environment; the first one is innermost."""
    for name in task.spec.env.wrappers:
        wrapper = import_attribute(task, name)
        with boundary("environment", f"applying the wrapper {name}"):
            env = wrapper(env)
    return env


def _make_registered(task: Task, kwargs: dict[str, Any]) -> gym.Env[Any, Any]:
    spec = task.spec.env
    limit = {} if spec.max_episode_steps is None else {"max_episode_steps": spec.max_episode_steps}
    search_current_folder()
    try:
        with boundary("environment", f"making {spec.id}", _BROKEN):
            return gym.make(spec.id, disable_env_checker=True, **limit, **kwargs)
    except BoundaryError as error:
        cause = error.__cause__
        if isinstance(cause, gym.error.DependencyNotInstalled):
            missing, _, hint = str(cause).partition(",")
            raise UsageError(
                f"{spec.id} needs a package that is missing: {missing}",
                hint.strip() or "install it",
            ) from None
        if isinstance(cause, TypeError) and "argument" in str(cause):
            raise UsageError(f"{spec.id} cannot be made: {cause}", _ARGUMENTS) from None
        if isinstance(cause, gym.error.DeprecatedEnv):
            raise UsageError(f"Gymnasium no longer has {spec.id!r}", str(cause)) from None
        if isinstance(cause, gym.error.UnregisteredEnv) or lacks_module(spec.id):
            raise unknown(spec.id) from None
        if isinstance(cause, ModuleNotFoundError):
            raise _needs(spec.id, cause) from None
        raise


def _make_class(task: Task, kwargs: dict[str, Any]) -> gym.Env[Any, Any]:
    cls = import_attribute(task, task.env_id)
    _check_arguments(task.env_id, cls, kwargs)
    with boundary("environment", f"making {task.env_id}", _BROKEN):
        env: gym.Env[Any, Any] = cls(**kwargs)
    limit = task.spec.env.max_episode_steps
    return env if limit is None or not isinstance(env, gym.Env) else TimeLimit(env, limit)


def _check_arguments(env_id: str, maker: Any, kwargs: dict[str, Any]) -> None:
    try:
        signature = inspect.signature(maker)
    except (TypeError, ValueError):  # it is not written in Python, or cannot be called
        return
    try:
        signature.bind(**kwargs)
    except TypeError as error:
        raise UsageError(
            f"{env_id} cannot be made: {error}; it takes {signature}",
            _ARGUMENTS,
        ) from None


def import_attribute(task: Task, name: str) -> Any:
    """The object behind ``module:Class`` or ``file.py:Class``.

    Raises:
        UsageError: there is no such module, file or object.
        BoundaryError: the module raises when it is imported.
    """
    module_name, separator, attribute = name.partition(":")
    if not separator:
        raise UsageError(f"{name!r} is neither a Gymnasium id nor module:Class", place_of(name))
    if module_name.endswith(".py"):
        return task.function(module_name, attribute)
    search_current_folder()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.startswith(error.name):
            raise UsageError(
                f"there is no module {module_name!r}",
                "run from the folder that holds it, or install it",
            ) from None
        raise _needs(module_name, error) from None
    except Exception as error:
        raise BoundaryError(
            f"importing {module_name} failed: {error}",
            f"run: python -c 'import {module_name}'",
            where="environment",
        ) from error
    if not hasattr(module, attribute):
        raise UsageError(
            f"{module_name} has no {attribute!r}", did_you_mean(attribute, vars(module))
        )
    return getattr(module, attribute)


def _needs(what: str, error: ModuleNotFoundError) -> UsageError:
    missing = error.name or str(error)
    return UsageError(
        f"{what} needs the module {missing!r}, which is not installed", how_to_install(missing)
    )


def _refuse_foreign(env: Any, env_id: str) -> None:
    """Refuse anything except a single-agent Gymnasium environment."""
    # a gymnasium.Env may keep what it calls agents: pedestrians, other cars
    if not isinstance(env, gym.Env) and (hasattr(env, "possible_agents") or hasattr(env, "agents")):
        raise UsageError(
            f"{env_id} is a multi-agent environment",
            "rewardsmith trains one agent: write a gymnasium.Env that plays the others in its step",
        )
    if not isinstance(env, gym.Env):
        raise UsageError(
            f"{env_id} returned a {type(env).__name__}, not a gymnasium.Env",
            "derive it from gymnasium.Env; around one of another package, such as an environment "
            "of the old Gym, write a class env.py:Mine that is derived from gymnasium.Env and "
            f"calls it; {MIGRATION}",
        )
    for attribute in ("observation_space", "action_space"):
        if not isinstance(getattr(env, attribute, None), gym.Space):
            raise UsageError(f"{env_id} has no {attribute}", "set it in the environment's __init__")


def guarded_reset(env: gym.Env[Any, Any], seed: int | None = None) -> Reset:
    """Reset, and attribute a failure to the environment.

    Raises:
        BoundaryError: reset failed, or did not return (observation, info).
    """
    try:
        return reset_result(env.reset(seed=seed))
    except BoundaryError:
        raise
    except Exception as error:
        raise BoundaryError(
            f"the environment fails on reset: {described(error)}",
            "try env.reset(seed=0) by hand",
            where="environment",
        ) from error


def guarded_step(env: gym.Env[Any, Any], action: Any) -> Step:
    """Step, and attribute a failure to the environment.

    Raises:
        BoundaryError: the step failed, or did not return five values.
    """
    try:
        return step_result(env.step(action))
    except BoundaryError:
        raise
    except Exception as error:
        raise BoundaryError(
            f"the environment fails in a step: {described(error)}",
            f"try env.step({action!r}) by hand; if this action is illegal in the state, let the "
            "environment say so in a method action_masks(), or ignore it",
            where="environment",
        ) from error
