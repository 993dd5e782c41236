"""Which values of an environment are recorded, and which part of them each field is.

A :class:`Layout` is made once per task and environment. Whole observation leaves are recorded, and
a field is a view of a leaf, so recording costs one copy per leaf for any number of fields.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.task.actions import random_action
from rewardsmith.task.environment import guarded_reset, guarded_step
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.fitness import SUCCESS_FIELD, success_source
from rewardsmith.task.loading import Task
from rewardsmith.task.observations import LONGEST_VECTOR, PLAIN, is_plain, readable
from rewardsmith.task.sources import Index, Source
from rewardsmith.task.spec import NanPolicy
from rewardsmith.task.text import word_ids
from rewardsmith.task.values import numbers, success_flag
from rewardsmith.types import Array, Shapes

WHOLE = "_obs"  # the observation as one array, offered as obs and next_obs


@dataclass(frozen=True)
class Leaf:
    """One recorded value: an observation leaf, an info key, or a function of the task."""

    kind: str
    keys: tuple[str | int, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    function: Any = None
    at_reset: bool = True
    default: Array | None = None  # where the environment reports no value
    flag: bool = False  # the success flag; False in a step that leaves it out
    words: tuple[str, ...] = ()  # of a text field

    @cached_property
    def is_number(self) -> bool:
        """Whether it is one number of info."""
        return self.kind == "info" and self.shape == () and self.dtype.kind == "f"

    def read(self, env: Any, obs: Any, info: dict[str, Any]) -> Any:
        """The current value; a text as the positions of its words, a success flag as a bool.

        Raises:
            Exception: there is no such value, or it has another shape than before.
        """
        value = self.value(env, obs, info)
        if self.flag:
            return success_flag(value)
        if value is None and self.default is not None:
            return self.default
        if self.words:
            value = "" if value is None else value
            if not isinstance(value, str):
                raise TypeError(f"expected a text, found a {type(value).__name__}")
            return word_ids(value, self.words, self.shape[0])
        if self.kind == "obs":
            return value  # an observation fits its space
        found = numbers(value)
        if found is None or (found.shape != self.shape and (found.size, self.shape) != (1, ())):
            raise ValueError(f"expected {_numbers_of(self.shape)}, found {value!r}")
        return found.reshape(self.shape)

    def value(self, env: Any, obs: Any, info: dict[str, Any]) -> Any:
        """The current value as the environment reports it; None where it reports none."""
        if self.kind == "function":
            return self.function(env, obs, info)
        if self.kind == "info":
            return info.get(self.keys[0])  # type: ignore[arg-type]
        for key in self.keys:
            obs = obs[key]
        return obs


def _numbers_of(shape: tuple[int, ...]) -> str:
    return f"numbers of shape {shape}" if shape else "a number"


@dataclass(frozen=True)
class FieldView:
    """A field: its leaf, and its part of the leaf."""

    leaf: int
    index: Index | None
    at_reset: bool
    hidden: bool


@dataclass(frozen=True)
class Layout:
    """What is recorded for a task: its fields and the leaves that they are part of."""

    leaves: tuple[Leaf, ...]
    fields: dict[str, FieldView]
    action_shape: tuple[int, ...]
    action_dtype: np.dtype[Any]
    nan_policy: NanPolicy = "refuse"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Every name that a program of this task may read, sorted."""
        names = ["action", "prev_action", "terminated"]
        for name, view in self.fields.items():
            if not view.hidden:
                names += [f"next_{name}"] + ([name, f"first_{name}"] if view.at_reset else [])
        if WHOLE in self.fields:
            names += ["obs", "next_obs"]
        return tuple(sorted(names))

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of the task's fields that programs must not read."""
        return tuple(
            sorted(
                name
                for name, view in self.fields.items()
                if view.hidden and not name.startswith("_")
            )
        )

    def fields_at(self, keys: tuple[str | int, ...], place: tuple[int, ...]) -> list[str]:
        """Names of the task's fields that hold one number of the observation."""
        names = []
        for name, view in self.fields.items():
            leaf = self.leaves[view.leaf]
            if name.startswith("_") or (leaf.kind, leaf.keys) != ("obs", keys):
                continue
            marks = np.zeros((1, *leaf.shape), bool)
            marks[(0, *place)] = True
            if cut(marks, view.index).any():
                names.append(name)
        return names

    def shape(self, argument: str) -> tuple[int, ...]:
        """Shape of one row of an argument; () for a scalar."""
        return self._probe(argument).shape

    def dtype(self, argument: str) -> np.dtype[Any]:
        """Dtype of an argument as programs receive it: float64, int64 or bool."""
        return self._probe(argument).dtype

    def _probe(self, argument: str) -> Array:
        """One row of zeros, with the shape and dtype of the argument's column."""
        if argument == "terminated":
            return np.zeros((), bool)
        if argument in ("action", "prev_action"):
            return np.zeros(self.action_shape, self.action_dtype)
        name = (
            argument
            if argument in self.fields
            else argument.removeprefix("next_").removeprefix("first_")
        )
        view = self.fields[WHOLE if name == "obs" else name]
        leaf = self.leaves[view.leaf]
        row: Array = cut(np.zeros((1, *leaf.shape), leaf.dtype), view.index)[0]
        return np.asarray(row)


def make_layout(task: Task, env: gym.Env[Any, Any]) -> Layout:
    """Decide what to record; resets and steps the environment once if its spaces do not suffice.

    Raises:
        UsageError: a field does not exist in the environment, or programs could read nothing.
        BoundaryError: the environment fails on reset or in a step.
    """
    specs = {field.name: field for field in task.spec.fields}
    success = success_source(task)
    if success is not None:
        specs[SUCCESS_FIELD] = _own_field(SUCCESS_FIELD, success, at_reset=False)
    check_actions(env, task.env_id)
    sample = _Sample(env)
    leaves: dict[tuple[Any, ...], Leaf] = {}
    views: dict[str, FieldView] = {}
    hides_obs = any(field.hidden and field.parsed_source.kind == "obs" for field in specs.values())
    if not hides_obs and is_plain(env.observation_space):
        specs[WHOLE] = _own_field(WHOLE, "obs", at_reset=True)
    elif all(field.hidden for field in specs.values()):
        raise UsageError(
            f"programs can read nothing of {task.env_id}: its observation is an image, nested or "
            "hidden, and there are no fields",
            "declare [[fields]] in the task, from info keys or functions; "
            f"start with: rewardsmith tasks new {task.env_id}",
        )
    for name, field in specs.items():
        source = _in_tuples(env.observation_space, field.parsed_source)
        at_reset = source.kind != "info" or field.at_reset
        key = (source.kind, source.keys, field.words, field.default, at_reset)
        if key not in leaves:
            function = (
                task.function(source.file, source.name) if source.kind == "function" else None
            )
            leaves[key] = sample.leaf(field, source, function)
        position = list(leaves).index(key)
        _check_index(name, field.source, leaves[key], source.part)
        views[name] = FieldView(position, source.part, at_reset, field.hidden)
    space = env.action_space
    shape, dtype = tuple(space.shape or ()), _action_dtype(space)
    return Layout(tuple(leaves.values()), views, shape, dtype, task.spec.env.nan_policy)


def _in_tuples(space: gym.Space[Any] | None, source: Source) -> Source:
    """A source whose last subscript leads into a Tuple, with that place among its keys."""
    if source.kind != "obs" or not isinstance(source.part, int):
        return source
    for key in source.keys:
        space = _parts(space).get(key)
    if source.part not in _parts(space):
        return source
    return source._replace(keys=(*source.keys, source.part), part=None)


def _parts(space: gym.Space[Any] | None) -> dict[Any, gym.Space[Any]]:
    """The parts of a Dict or a Tuple by key or place; none of any other space."""
    if isinstance(space, gym.spaces.Dict):
        return dict(space.spaces)
    return dict(enumerate(space.spaces)) if isinstance(space, gym.spaces.Tuple) else {}


def _own_field(name: str, source: str, at_reset: bool) -> FieldSpec:
    """A field of rewardsmith's own; no task can define its name and no program can read it."""
    return FieldSpec.model_construct(name=name, source=source, at_reset=at_reset, hidden=True)


def check_actions(env: gym.Env[Any, Any], env_id: str) -> None:
    """Refuse action spaces that Stable-Baselines3 cannot act in.

    Raises:
        UsageError: the space is nested, or discrete and does not start at 0.
    """
    space = env.action_space
    if not isinstance(space, PLAIN):
        raise UsageError(
            f"the actions of {env_id} are a {type(space).__name__}",
            "they must be Box, Discrete, MultiDiscrete or MultiBinary",
        )
    start = getattr(space, "start", 0)
    if np.any(start):
        raise UsageError(
            f"the actions of {env_id} start at {start}",
            f"use {type(space).__name__} without start: it begins at 0",
        )


class _Sample:
    """One reset and one step of an environment, made only if they are needed."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._env = env
        self._seen: tuple[Any, dict[str, Any], dict[str, Any]] | None = None

    def leaf(self, field: FieldSpec, source: Source, function: Any) -> Leaf:
        kind, keys, name = source.kind, source.keys, field.name
        if kind == "obs" and not field.words:
            space = self._space(keys, name)
            return Leaf(kind, keys, tuple(space.shape or ()), _plain_dtype(np.dtype(space.dtype)))
        at_reset = kind != "info" or field.at_reset
        if name == SUCCESS_FIELD:  # many environments report it only at the end of an episode
            return Leaf(kind, keys, (), np.dtype(bool), at_reset=False, flag=True)
        if field.default is not None:
            value = np.asarray(field.default, np.float64)
            return Leaf(kind, keys, value.shape, value.dtype, function, at_reset, value)
        _, reset_info, info = self._look()
        if field.at_reset and kind == "info" and reset_info.get(source.name) is None:
            raise UsageError(
                f"field {name!r} says at_reset = true, but info has no {source.name!r} at reset",
                f"leave at_reset out, programs can read next_{name}; or state the value at reset, "
                "e.g. default = 0",
            )
        if kind == "info" and info.get(source.name) is None:
            near = did_you_mean(source.name, info)
            raise UsageError(
                f"field {name!r}: info has no {source.name!r} after a step",
                f"{near if near.startswith('did') else near + ';'} where not every step reports "
                "it, state the value of the others, e.g. default = 0",
            )
        leaf = Leaf(kind, keys, (), np.dtype(np.float64), function, at_reset)
        return self._text(field, leaf) if field.words else self._numeric(field, leaf)

    def _text(self, field: FieldSpec, leaf: Leaf) -> Leaf:
        leaf = replace(leaf, shape=(field.most_words,), dtype=np.dtype(np.int64), words=field.words)
        try:
            obs, _, info = self._look()
            leaf.read(self._env.unwrapped, obs, info)
        except Exception as error:
            raise UsageError(
                f"field {field.name!r}: {type(error).__name__}: {error}",
                "a field with words = [...] must be a text of at most most_words words",
            ) from error
        return leaf

    def _numeric(self, field: FieldSpec, leaf: Leaf) -> Leaf:
        """With the shape of the value after the first step."""
        obs, _, info = self._look()
        try:
            value = leaf.value(self._env.unwrapped, obs, info)
            if (found := numbers(value)) is None:
                raise TypeError(f"expected numbers, found {value!r}")
        except Exception as error:
            raise UsageError(
                f"field {field.name!r}: {type(error).__name__}: {error}",
                "a field must be a number, an array of numbers, or a text with words = [...]",
            ) from error
        # an integer now may be a fraction in a later step
        dtype = np.dtype(bool if found.dtype.kind == "b" else np.float64)
        return replace(leaf, shape=found.shape, dtype=dtype)

    def _space(self, keys: tuple[str | int, ...], name: str) -> gym.Space[Any]:
        space = self._env.observation_space
        for key in keys:
            known = _parts(space)
            if key not in known:
                raise UsageError(
                    f"field {name!r}: the observation has no part {key!r}",
                    did_you_mean(str(key), map(str, known)),
                )
            space = known[key]
        if not isinstance(space, PLAIN):
            raise UsageError(
                f"field {name!r}: {type(space).__name__} spaces cannot be read",
                "name a key, write a function in fields.py, or list words = [...] for a text",
            )
        return space

    def _look(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        if self._seen is None:
            _, reset_info = guarded_reset(self._env, 0)
            obs, _, _, _, info = guarded_step(self._env, random_action(self._env))
            self._seen = (obs, reset_info, info)
        return self._seen


def _action_dtype(space: gym.Space[Any]) -> np.dtype[Any]:
    """Of the actions that the environment is given: fractions in a Box, whatever it declares.

    A learner acts with fractions also in a Box of integers, and the environment is given them.
    """
    if isinstance(space, gym.spaces.Box):
        return np.dtype(np.float64)
    return _plain_dtype(np.dtype(space.dtype))


def _plain_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Programs see float64, int64 or bool, whatever the environment stores."""
    if dtype.kind == "b":
        return np.dtype(bool)
    return np.dtype(np.int64 if dtype.kind in "iu" else np.float64)


def _check_index(name: str, text: str, leaf: Leaf, index: Index | None) -> None:
    try:
        part = cut(np.zeros((1, *leaf.shape), leaf.dtype), index)
    except IndexError as error:
        raise UsageError(
            f"field {name!r}: {text} does not fit an array of shape {leaf.shape}: {error}",
            "fix its source",
        ) from None
    if not readable(part.shape[1:]):
        raise UsageError(
            f"field {name!r} has {part.size} numbers per step",
            f"programs read vectors of at most {LONGEST_VECTOR} numbers, and no pictures or maps; "
            "use a slice or a function of it",
        )


def cut(rows: Array, index: Index | None) -> Array:
    """A part of each row; the leading axis stays."""
    if index is None:
        return rows
    return rows[(slice(None), *index)] if isinstance(index, tuple) else rows[:, index]


def describe(leaf: Leaf) -> str:
    """The source of a leaf, for messages."""
    inner = "".join(f"[{key!r}]" for key in leaf.keys)
    return f"{leaf.keys[0]}()" if leaf.kind == "function" else f"{leaf.kind}{inner}"


def shapes_of(layout: Layout) -> Shapes:
    """Shape and dtype of every argument that a task offers."""
    return {name: (layout.shape(name), layout.dtype(name)) for name in layout.arguments}
