"""The fields of a drafted task: named parts of the observation, and keys of info."""

from __future__ import annotations

import fnmatch
import json
import keyword
import re
from collections.abc import Iterable
from typing import Any, Required, TypedDict

import gymnasium as gym
import numpy as np

from rewardsmith.task.docstrings import Named, observation_names
from rewardsmith.task.field import RESERVED_NAMES, RESERVED_PREFIXES
from rewardsmith.task.look import Look
from rewardsmith.task.observations import is_plain, leaves, source_of
from rewardsmith.task.text import words_in

HIDDEN = ("*success*", "*reward*", "episode*", "fitness*", "TimeLimit*", "_*")
_UNBOUNDED = 1e6
_MOST_STUBS = 64  # numbers of an observation, up to which each is listed
_MOST_DEFAULTS = 16  # numbers of an info key that some steps leave out, up to which it is a field


class DraftField(TypedDict, total=False):
    """An entry of ``fields``, before it is checked; see :class:`FieldSpec`."""

    name: str
    source: Required[str]
    doc: str
    unit: str
    range: tuple[float, float] | None
    at_reset: bool
    default: float | list[float]
    words: list[str]
    most_words: int


def draft_fields(look: Look, fitness: str, numbered: bool = False) -> list[DraftField]:
    """Named parts of the observation, then info keys.

    An observation without names gives no fields: programs read it whole.

    Args:
        fitness: its source, which programs must not read.
        numbered: give each number of a flat observation without names a field, ``obs_0`` and so
            on, for the user to name; of a vector with more than 64 numbers none.
    """
    fields = _observation_fields(look) or (_numbered(look) if numbered else [])
    taken = {entry["name"] for entry in fields}
    for key in sorted(look.info):
        name = _identifier(key)
        if is_offered(key, fitness) and name not in taken and (entry := _info_field(look, key)):
            taken.add(name)
            fields.append({"name": name, **entry})
    return fields


def is_offered(key: str, fitness: str) -> bool:
    """Whether programs may read a key of info: it gives neither reward nor success away."""
    hidden = any(fnmatch.fnmatch(key.lower(), pattern.lower()) for pattern in HIDDEN)
    return not hidden and info_source(key) != fitness


def _observation_fields(look: Look) -> list[DraftField]:
    space = look.env.observation_space
    if isinstance(space, gym.spaces.Dict | gym.spaces.Tuple) or "obs" in look.texts:
        found = [
            (keys, leaf)
            for keys, leaf in leaves(space)
            if source_of(keys) in look.texts or is_plain(leaf)
        ]
        names = [_identifier("_".join(map(str, keys)).strip("_")) for keys, _ in found]
        fields = []
        for index, (name, (keys, leaf)) in enumerate(zip(names, found, strict=True)):
            unique = name if names.count(name) == 1 else f"{name}_{index}"
            source = source_of(keys)
            fields.append(_entry(source, Named(unique), leaf, look.texts.get(source, ())))
        return fields
    if isinstance(space, gym.spaces.Box) and len(space.shape) == 1:
        return _parts(space, observation_names(look.env, space.shape[0]))
    return []


def _parts(space: gym.spaces.Box, named: Iterable[Named]) -> list[DraftField]:
    bounds = [
        gym.spaces.Box(low, high, (), space.dtype)
        for low, high in zip(space.low, space.high, strict=True)
    ]
    return [_entry(f"obs[{at}]", part, bounds[at]) for at, part in enumerate(named)]


def _numbered(look: Look) -> list[DraftField]:
    """A field for each number that nothing names."""
    space = look.env.observation_space
    if not isinstance(space, gym.spaces.Box) or len(space.shape) != 1:
        return []
    size = space.shape[0]
    return _parts(space, [Named(f"obs_{at}") for at in range(size)]) if size <= _MOST_STUBS else []


def _info_field(look: Look, key: str) -> DraftField | None:
    """A field of an info key; with 0 as default where some steps leave it out."""
    seen = look.info[key]
    if not seen.usable or seen.value is None:
        return None
    entry: DraftField = {"source": info_source(key), "at_reset": key in look.at_reset}
    if seen.steps == look.steps:
        return entry
    if seen.value.size > _MOST_DEFAULTS or seen.value.ndim > 1:
        return None
    doc = f"reported in {seen.steps} of {look.steps} random steps"
    return {**entry, "default": np.zeros(seen.value.shape).tolist(), "doc": doc}


def info_source(key: str) -> str:
    """The source of a key of info."""
    return f"info[{json.dumps(key, ensure_ascii=False)}]"


def _entry(
    source: str, named: Named, space: gym.Space[Any], texts: Iterable[str] = ()
) -> DraftField:
    """A field; one of texts has their words, and room for twice the longest of them."""
    entry: DraftField = {
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


def _identifier(text: str) -> str:
    name = re.sub(r"\W+", "_", text).strip("_").lower() or "value"
    if name[0].isdigit():
        name = f"value_{name}"
    if name in RESERVED_NAMES or name.startswith(RESERVED_PREFIXES) or keyword.iskeyword(name):
        name = f"env_{name}"
    return name
