"""Which values of an environment are recorded, and which part of them each field is.

A :class:`Layout` is made once per task and environment. Whole observation leaves are recorded, and
a field is a view of a leaf, so recording costs one copy per leaf for any number of fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.task.actions import random_action
from rewardsmith.task.environment import guarded_reset, guarded_step
from rewardsmith.task.fitness import SUCCESS_FIELD, success_source
from rewardsmith.task.loading import Task
from rewardsmith.task.sources import Index
from rewardsmith.task.spec import FieldSpec
from rewardsmith.task.text import word_ids
from rewardsmith.types import Array, Shapes

WHOLE = "_obs"  # the observation as one array, offered as obs and next_obs
_IMAGE_FROM = 1024  # values in one observation leaf from which it is treated as an image
_PLAIN = (gym.spaces.Box, gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)


@dataclass(frozen=True)
class Leaf:
    """One recorded value: an observation leaf, an info key, or a function of the task."""

    kind: str
    keys: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    function: Any = None
    optional: bool = False  # an info key that a step may leave out; then it is zero
    words: tuple[str, ...] = ()  # of a text field

    def read(self, env: Any, obs: Any, info: dict[str, Any]) -> Any:
        """The current value; a text as the positions of its words."""
        if self.kind == "function":
            value = self.function(env, obs, info)
        else:
            value = obs if self.kind == "obs" else info
            for key in self.keys:
                value = value[key]
        if self.words and not isinstance(value, str):
            raise TypeError(f"expected a text, found a {type(value).__name__}")
        return word_ids(value, self.words, self.shape[0]) if self.words else value


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
    leaves: dict[tuple[str, ...], Leaf] = {}
    views: dict[str, FieldView] = {}
    hides_obs = any(field.hidden and field.parsed_source.kind == "obs" for field in specs.values())
    if not hides_obs and _is_plain(env.observation_space):
        specs[WHOLE] = _own_field(WHOLE, "obs", at_reset=True)
    elif all(field.hidden for field in specs.values()):
        raise UsageError(
            f"programs can read nothing of {task.env_id}: its observation is an image, nested or "
            "hidden, and there are no fields",
            "declare [[fields]] in the task, from info keys or functions; "
            f"start with: rewardsmith tasks new {task.env_id}",
        )
    for name, field in specs.items():
        source = field.parsed_source
        key = (source.kind, *source.keys, *field.words)
        if key not in leaves:
            function = (
                task.function(source.file, source.keys[0]) if source.kind == "function" else None
            )
            leaves[key] = sample.leaf(field, function)
        position = list(leaves).index(key)
        _check_index(name, field.source, leaves[key], source.part)
        views[name] = FieldView(
            position, source.part, source.kind != "info" or field.at_reset, field.hidden
        )
    action = np.asarray(env.action_space.sample())
    return Layout(tuple(leaves.values()), views, action.shape, _plain_dtype(action.dtype))


def _own_field(name: str, source: str, at_reset: bool) -> FieldSpec:
    """A field of rewardsmith's own; no task can define its name and no program can read it."""
    return FieldSpec.model_construct(name=name, source=source, at_reset=at_reset, hidden=True)


def check_actions(env: gym.Env[Any, Any], env_id: str) -> None:
    """Refuse action spaces that Stable-Baselines3 cannot act in.

    Raises:
        UsageError: the space is nested, or a Discrete that does not start at 0.
    """
    space = env.action_space
    if not isinstance(space, _PLAIN):
        raise UsageError(
            f"the actions of {env_id} are a {type(space).__name__}",
            "they must be Box, Discrete, MultiDiscrete or MultiBinary",
        )
    if isinstance(space, gym.spaces.Discrete) and space.start != 0:
        raise UsageError(
            f"the actions of {env_id} start at {space.start}",
            "use Discrete(n), which starts at 0",
        )


class _Sample:
    """One reset and one step of an environment, made only if they are needed."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._env = env
        self._seen: tuple[Any, dict[str, Any], dict[str, Any]] | None = None

    def leaf(self, field: FieldSpec, function: Any) -> Leaf:
        kind, keys, name = field.parsed_source.kind, field.parsed_source.keys, field.name
        if kind == "obs" and not field.words:
            space = self._space(keys, name)
            return Leaf(kind, keys, tuple(space.shape or ()), _plain_dtype(np.dtype(space.dtype)))
        if name == SUCCESS_FIELD:  # many environments report it only at the end of an episode
            return Leaf(kind, keys, (), np.dtype(bool), optional=True)
        obs, reset_info, info = self._look()
        if field.at_reset and kind == "info" and keys[0] not in reset_info:
            raise UsageError(
                f"field {name!r} says at_reset = true, but info has no key {keys[0]!r} at reset",
                "leave at_reset out; programs can read next_" + name,
            )
        if kind == "info" and keys[0] not in info:
            raise UsageError(
                f"field {name!r}: info has no key {keys[0]!r} after a step",
                did_you_mean(keys[0], info),
            )
        if field.words:
            return self._text(field, function)
        leaf = Leaf(kind, keys, (), np.dtype(np.float64), function)
        try:
            value = np.asarray(leaf.read(self._env.unwrapped, obs, info))
            whole = value.dtype.kind == "b"  # an integer now may be a fraction in a later step
            return Leaf(kind, keys, value.shape, np.dtype(bool if whole else np.float64), function)
        except Exception as error:
            raise UsageError(
                f"field {name!r}: {type(error).__name__}: {error}",
                "a field must be a number, an array of numbers, or a text with words = [...]",
            ) from error

    def _text(self, field: FieldSpec, function: Any) -> Leaf:
        kind, keys = field.parsed_source.kind, field.parsed_source.keys
        leaf = Leaf(
            kind, keys, (field.most_words,), np.dtype(np.int64), function, words=field.words
        )
        obs, _, info = self._look()
        try:
            leaf.read(self._env.unwrapped, obs, info)
        except Exception as error:
            hint = "a field with words = [...] must be a text of at most most_words words"
            raise UsageError(
                f"field {field.name!r}: {type(error).__name__}: {error}", hint
            ) from error
        return leaf

    def _space(self, keys: tuple[str, ...], name: str) -> gym.Space[Any]:
        space = self._env.observation_space
        for key in keys:
            known = list(space.spaces) if isinstance(space, gym.spaces.Dict) else []
            if key not in known:
                raise UsageError(
                    f"field {name!r}: the observation has no key {key!r}", did_you_mean(key, known)
                )
            space = space[key]  # type: ignore[index]
        if not isinstance(space, _PLAIN):
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


def _is_plain(space: gym.Space[Any]) -> bool:
    """Whether it is one array and not an image: programs may read it whole as ``obs``."""
    return isinstance(space, _PLAIN) and int(np.prod(space.shape or ())) < _IMAGE_FROM


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
    if part.size >= _IMAGE_FROM:
        raise UsageError(
            f"field {name!r} has {part.size} values per step",
            "programs read small fields; use a slice or a function of it",
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
