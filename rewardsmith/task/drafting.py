"""A task drafted from an environment: spaces, docstring, info keys, and random steps.

Used for a bare environment id, and by ``rewardsmith tasks new``, which writes the draft for the
user to edit. Programs never read what looks like success or reward; a success key becomes the
fitness.
"""

from __future__ import annotations

import fnmatch
import json
import keyword
import re
from collections.abc import Container, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Required, TypedDict

import gymnasium as gym
import jinja2
import numpy as np

from rewardsmith.errors import RunError, UsageError, did_you_mean
from rewardsmith.task.actions import random_action, says_what_is_legal
from rewardsmith.task.docstrings import Named, action_names, observation_names
from rewardsmith.task.environment import guarded_reset, guarded_step, make_env
from rewardsmith.task.files import TASK_FILE, locate
from rewardsmith.task.fitness import DRAFT
from rewardsmith.task.loading import Task, known_tasks
from rewardsmith.task.origin import AnyEnvironment, origin_of
from rewardsmith.task.parsing import parse_spec
from rewardsmith.task.spec import (
    RESERVED_NAMES,
    RESERVED_PREFIXES,
    ActionSpec,
    FitnessSpec,
    Policy,
    TrainingSpec,
)
from rewardsmith.task.text import words_in
from rewardsmith.task.toml import toml_value

LOOK_STEPS = 2000
HIDDEN = ("*success*", "*reward*", "episode*", "fitness*", "TimeLimit*", "_*")
_IMAGE_FROM = 1024
_UNBOUNDED = 1e6


@dataclass
class Look:
    """What was observed of an environment.

    Attributes:
        info: key -> example value after a step; only numbers and arrays of numbers.
        texts: source -> the texts that were observed there.
        reset_info: keys that are present at reset.
    """

    env: gym.Env[Any, Any]
    info: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, set[str]] = field(default_factory=dict)
    reset_info: set[str] = field(default_factory=set)
    rewarded: bool = False

    def read(self, obs: Any, source: str = "obs") -> None:
        """Collect the texts of an observation."""
        if isinstance(obs, dict):
            for key, value in obs.items():
                self.read(value, _key_of(source, key))
        elif isinstance(obs, str):
            self.texts.setdefault(source, set()).add(obs)


def task_from_env(
    environment: AnyEnvironment,
    goal: str | None = None,
    *,
    fitness: str | None = None,
    unmeasured: str | None = None,
    **env_kwargs: Any,
) -> Task:
    """A task for any Gymnasium environment.

    Args:
        environment: an id for ``gymnasium.make``, ``module:Class``, ``path/to/file.py:Class``, a
            class, or a function that makes an environment. Of the user's own files, a copy is kept
            in every run.
        goal: what the agent must achieve, in words.
        fitness: ``native_return`` or ``info["key"]``; by default it follows from the environment.
        unmeasured: the fitness if nothing that was observed measures success; None refuses such an
            environment.
        env_kwargs: arguments that the environment is made with.

    Raises:
        UsageError: there is no goal, no such environment, nothing that programs can read, or
            nothing that measures success.
        BoundaryError: the environment fails on reset or in a step.

    Example:
        task = rs.task_from_env("CartPole-v1", goal="Keep the pole upright.")
        run = rs.design(task)
    """
    return _drafted(environment, env_kwargs, goal, fitness, unmeasured)


def _drafted(
    environment: AnyEnvironment,
    kwargs: Mapping[str, Any],
    goal: str | None,
    fitness: str | None,
    unmeasured: str | None,
) -> Task:
    origin = origin_of(environment, kwargs)
    if not (goal or "").strip():
        raise UsageError(
            f"{origin.env_id} has no goal",
            'describe what the agent must achieve, e.g. --goal "reach the flag quickly"',
        )
    env_id, folder, files = origin.env_id, None, None
    if env_id.rpartition(":")[0].endswith(".py"):
        env_id, folder, files = locate(env_id)
    made = {"id": env_id, "kwargs": origin.kwargs, "max_episode_steps": origin.max_episode_steps}
    bare = {"goal": goal, "env": made, "fitness": FitnessSpec(source="native_return")}
    name = _slug(env_id)
    with closing(make_env(Task(name, parse_spec(bare, env_id), folder, files))) as env:
        look = look_at(env)
        measure = _fitness(look, fitness, unmeasured)
        if measure.source == "native_return" and measure.solved is None:
            measure = measure.model_copy(update={"solved": origin.solved})
        draft = bare | {
            "fitness": measure,
            "fields": _fields(look, measure.source),
            "training": _training(look),
            "action": ActionSpec(names=action_names(env)),
        }
    return Task(name, parse_spec(draft, env_id), folder, files)


def draft_task(
    environment: AnyEnvironment,
    goal: str | None,
    target: Path | None,
    *,
    fitness: str | None = None,
    kwargs: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Task, Path]:
    """Draft a task and write its folder, with a copy of the environment's own files.

    Args:
        environment, fitness: as :func:`task_from_env` takes them.
        kwargs: arguments that the environment is made with.
        goal: None leaves it empty, to be written later; no run accepts an empty goal.
        target: the folder; ``tasks/<name>`` by default.

    Raises:
        UsageError, BoundaryError: see :func:`task_from_env`; if nothing measures success, the draft
            uses ``fitness.py`` instead.
        RunError: the folder exists or cannot be written.
    """
    to_write = "fitness.py:fitness"
    task = _drafted(environment, kwargs, goal or "to be written", fitness, to_write)
    if goal is None:
        task = replace(task, spec=task.spec.model_copy(update={"goal": ""}))
    return task, write_task(task, target or Path("tasks") / task.name)


def write_task(task: Task, folder: Path) -> Path:
    """Write a drafted task as a folder for the user to edit.

    Raises:
        RunError: the folder exists or cannot be written.
    """
    if folder.exists():
        raise RunError(f"{folder} exists", "choose another folder, or edit the existing task")
    template = jinja2.Template(
        Path(__file__).with_name("draft.toml.j2").read_text(encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
    )
    try:
        task.copy_files(folder)
        (folder / TASK_FILE).write_text(
            template.render(task=task.spec, toml=toml_value), encoding="utf-8"
        )
        fitness = folder / "fitness.py"
        if not fitness.exists():  # the environment's folder may have one
            fitness.write_text(DRAFT, encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"cannot write {folder}: {error.strerror}", "choose a folder that can be written"
        ) from error
    return folder


def look_at(env: gym.Env[Any, Any]) -> Look:
    """Play random steps and collect what can be observed."""
    look = Look(env)
    obs, info = guarded_reset(env, seed=0)
    env.action_space.seed(0)
    look.reset_info = {key for key, value in info.items() if _is_numeric(value)}
    for _ in range(LOOK_STEPS):
        look.read(obs)
        obs, reward, terminated, truncated, info = guarded_step(env, random_action(env))
        look.rewarded |= bool(reward)
        look.info |= {key: value for key, value in info.items() if _is_numeric(value)}
        if terminated or truncated:
            obs, _ = guarded_reset(env)
    return look


def _fitness(look: Look, wanted: str | None, unmeasured: str | None) -> FitnessSpec:
    if wanted is not None:
        known = {_info_source(key): key for key in look.info}
        if wanted.startswith("info[") and wanted not in known:
            raise UsageError(f"info has no {wanted} after a step", did_you_mean(wanted, known))
        return FitnessSpec(source=wanted)
    success = sorted(key for key in look.info if fnmatch.fnmatch(key.lower(), "*success*"))
    if success:
        doc = f"the environment's own {success[0]}"
        return FitnessSpec(source=_info_source(success[0]), solved=0.9, doc=doc)
    threshold = look.env.spec.reward_threshold if look.env.spec is not None else None
    if not look.rewarded and threshold is None:
        if unmeasured is not None:
            return FitnessSpec(source=unmeasured)
        seen = f" (info holds {', '.join(sorted(look.info))})" if look.info else ""
        raise UsageError(
            f"the environment gave no reward and no success key in random episodes{seen}, "
            "so nothing measures success",
            "use --fitness 'info[\"key\"]', or --fitness native_return if its reward is only rare; "
            "or draft a task folder with a fitness.py: rewardsmith tasks new",
        )
    doc = "the environment's own return"
    return FitnessSpec(source="native_return", solved=threshold, doc=doc)


class _Field(TypedDict, total=False):
    """An entry of ``fields``, before it is checked; see :class:`FieldSpec`."""

    name: Required[str]
    source: Required[str]
    doc: str
    unit: str
    range: tuple[float, float] | None
    at_reset: bool
    words: list[str]
    most_words: int


def _fields(look: Look, fitness: str) -> list[_Field]:
    """Named parts of the observation, then info keys.

    An observation without names gives no fields: programs read it whole.

    Args:
        fitness: its source, which programs must not read.
    """
    fields: list[_Field] = []
    space = look.env.observation_space
    if isinstance(space, gym.spaces.Dict):
        leaves = _leaves(space, look.texts)
        names = [name for _, name, _ in leaves]
        for index, (source, name, leaf) in enumerate(leaves):
            unique = name if names.count(name) == 1 else f"{name}_{index}"
            fields.append(_entry(source, Named(unique), leaf, look.texts.get(source, ())))
    elif isinstance(space, gym.spaces.Box) and len(space.shape) == 1:
        named = observation_names(look.env, space.shape[0])
        for index, part in enumerate(named):
            bounds = gym.spaces.Box(space.low[index], space.high[index], (), space.dtype)
            fields.append(_entry(f"obs[{index}]", part, bounds))
    taken = {entry["name"] for entry in fields}
    for key, value in sorted(look.info.items()):
        name = _identifier(key)
        small = np.size(value) <= _IMAGE_FROM and _info_source(key) != fitness
        if (
            small
            and name not in taken
            and not any(fnmatch.fnmatch(key.lower(), p.lower()) for p in HIDDEN)
        ):
            taken.add(name)
            fields.append(
                {"name": name, "source": _info_source(key), "at_reset": key in look.reset_info}
            )
    return fields


def _info_source(key: str) -> str:
    return f"info[{json.dumps(key, ensure_ascii=False)}]"


def _entry(source: str, named: Named, space: gym.Space[Any], texts: Iterable[str] = ()) -> _Field:
    """A field; one of texts has their words, and room for twice the longest of them."""
    entry: _Field = {
        "name": named.name,
        "source": source,
        "doc": named.doc,
        "unit": named.unit,
        "range": _bounds(space),
    }
    found = [words_in(text) for text in texts]
    words = sorted({word for text in found for word in text})
    if words:
        entry |= {"words": words, "most_words": min(64, 2 * max(map(len, found)))}
    return entry


def _bounds(space: gym.Space[Any]) -> tuple[float, float] | None:
    """The range of a space's values; None if it is unbounded or not declared."""
    if isinstance(space, gym.spaces.Discrete):
        return float(space.start), float(space.start + space.n - 1)
    if not isinstance(space, gym.spaces.Box):
        return None
    low, high = float(np.min(space.low)), float(np.max(space.high))
    return (float(f"{low:.4g}"), float(f"{high:.4g}")) if max(-low, high) < _UNBOUNDED else None


def _leaves(
    space: gym.spaces.Dict, texts: Container[str], prefix: str = "obs", path: str = ""
) -> list[tuple[str, str, gym.Space[Any]]]:
    """(source, name, space) of every leaf of a Dict that programs can read."""
    found: list[tuple[str, str, gym.Space[Any]]] = []
    for key, inner in space.spaces.items():
        source, name = _key_of(prefix, key), f"{path}_{key}".strip("_")
        if isinstance(inner, gym.spaces.Dict):
            found += _leaves(inner, texts, source, name)
        elif source in texts or _readable(inner):
            found.append((source, _identifier(name), inner))
    return found


def _key_of(source: str, key: str) -> str:
    return f"{source}[{json.dumps(key, ensure_ascii=False)}]"


def _readable(space: gym.Space[Any]) -> bool:
    plain = (gym.spaces.Box, gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)
    return isinstance(space, plain) and int(np.prod(space.shape or ())) < _IMAGE_FROM


def _training(look: Look) -> TrainingSpec:
    """Defaults that work in most small environments: PPO over 16 environments."""
    space = look.env.observation_space
    image = isinstance(space, gym.spaces.Box) and len(space.shape) == 3 and space.dtype == np.uint8
    policy: Policy = (
        "MultiInputPolicy"
        if isinstance(space, gym.spaces.Dict)
        else "CnnPolicy"
        if image
        else "MlpPolicy"
    )
    hyperparameters = {"n_steps": 128, "batch_size": 256, "n_epochs": 10, "gamma": 0.99}
    return TrainingSpec(
        algorithm="MaskablePPO" if says_what_is_legal(look.env) else "PPO",
        policy=policy,
        steps=200_000,
        n_envs=16,
        hyperparameters=hyperparameters,
    )


def _is_numeric(value: Any) -> bool:
    return np.asarray(value, dtype=object).size > 0 and np.asarray(value).dtype.kind in "biuf"


def _identifier(text: str) -> str:
    name = re.sub(r"\W+", "_", text).strip("_").lower() or "value"
    if name[0].isdigit():
        name = f"value_{name}"
    if name in RESERVED_NAMES or name.startswith(RESERVED_PREFIXES) or keyword.iskeyword(name):
        name = f"env_{name}"
    return name


def _slug(env_id: str) -> str:
    """The name of a task's folder; never the name of a shipped task."""
    name = re.sub(
        r"[^a-z0-9]+", "-", env_id.removesuffix(".py").replace(".py:", ":").lower()
    ).strip("-")
    return f"my-{name}" if name in known_tasks() else name
