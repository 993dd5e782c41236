"""The informative steps of an episode as a table of the task's fields.

These are the first and the last step, those with the highest and the lowest reward, and then the
middle of the longest remaining stretch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from rewardsmith.episodes.preflight import Argument, Arguments
from rewardsmith.run.records import StepSummary
from rewardsmith.task.text import text_of
from rewardsmith.types import Episode, FloatArray, Output

MOST_MOMENTS = 6
MOST_FIELDS = 6

Cells = list[str | float | None]


class EpisodeTable(NamedTuple):
    """Steps of an episode.

    Attributes:
        columns: names of fields, actions, ``reward``, and terms.
        rows: equal consecutive steps are one row, e.g. "13 to 49"; steps count from 1.
    """

    columns: list[str]
    rows: list[StepSummary]


def moments(rewards: FloatArray, most: int = MOST_MOMENTS) -> list[int]:
    """The informative steps of an episode, in order, from 0.

    Args:
        rewards: of each step, shape (T,).
    """
    chosen = {0, len(rewards) - 1, int(np.argmax(rewards)), int(np.argmin(rewards))}
    while len(chosen) < min(most, len(rewards)):
        _, low, high = max((high - low, low, high) for low, high in pairwise(sorted(chosen)))
        chosen.add((low + high) // 2)
    return sorted(chosen)


def episode_table(
    episode: Episode, output: Output, fields: Sequence[str], arguments: Arguments
) -> EpisodeTable:
    """The informative steps of an episode as a table.

    Args:
        output: of the program for its steps.
        fields: those that the program reads; others follow, up to six numbers in all.
        arguments: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`;
            nothing else is shown.
    """
    texts = _texts(episode, arguments)
    known = numbers_of(episode, fields, arguments) | _actions(episode)
    terms = {
        f"term {name}" if name in known or name == "reward" else name: v
        for name, v in output.terms.items()
    }
    numbers = known | {"reward": output.total, **terms}
    steps = [_cells(at, texts.values(), numbers.values()) for at in range(len(episode))]
    rows: list[StepSummary] = []
    last = -1
    for at in moments(output.total):
        if at > last:
            last = _last_equal(steps, at)
            step = f"{at + 1}" if last == at else f"{at + 1} to {last + 1}"
            rows.append(StepSummary(step=step, cells=steps[at]))
    return EpisodeTable([*texts, *numbers], rows)


def _cells(at: int, texts: Iterable[Sequence[str]], numbers: Iterable[FloatArray]) -> Cells:
    cells: Cells = [values[at] for values in texts]
    return cells + [float(values[at]) for values in numbers]


def _last_equal(steps: Sequence[Cells], at: int) -> int:
    """The last of the consecutive steps that are equal to one."""
    ends = (step for step in range(at, len(steps) - 1) if steps[step + 1] != steps[at])
    return next(ends, len(steps) - 1)


def _texts(episode: Episode, arguments: Arguments) -> dict[str, list[str]]:
    """Texts after each step, by name."""
    known = {name: _argument(name, arguments) for name in episode.fields}
    texts = {name: found.words for name, found in known.items() if found is not None}
    return {name: _words(episode, name, words) for name, words in texts.items() if words}


def _words(episode: Episode, name: str, words: Sequence[str]) -> list[str]:
    return [text_of(ids, words) for ids in episode.fields[name][-len(episode) :]]


def _argument(name: str, arguments: Arguments) -> Argument | None:
    """The description of a field; None for one that programs may not read."""
    return arguments.get(name, arguments.get(f"next_{name}"))


def numbers_of(
    episode: Episode, first: Sequence[str], arguments: Arguments, *, after: bool = True
) -> dict[str, FloatArray]:
    """At most six scalar series of an episode's fields, by name, shape (T,) each.

    A field of d numbers gives ``name[0]`` and so on. Numbers of ``obs`` that are also a named field
    are left out, and so are texts.

    Args:
        first: fields that come first.
        arguments: what programs may read; nothing else is shown.
        after: the values after each step; else those before it, of fields that have these.
    """
    found: dict[str, FloatArray] = {}
    for name in _field_order(episode, first, arguments, after):
        parts = _parts(name, episode, after)
        if name == "obs":
            parts = {n: column for n, column in parts.items() if not _among(column, found.values())}
        found |= parts
    return dict(list(found.items())[:MOST_FIELDS])


def _field_order(
    episode: Episode, first: Sequence[str], arguments: Arguments, after: bool
) -> list[str]:
    """The numeric fields that may be shown."""
    about = {name: _argument(name, arguments) for name in episode.fields}
    offered = [name for name, known in about.items() if known is not None and not known.words]
    if not after:
        offered = [name for name in offered if len(episode.fields[name]) > len(episode)]
    return list(dict.fromkeys([name for name in first if name in offered] + offered))


def _parts(name: str, episode: Episode, after: bool) -> dict[str, FloatArray]:
    """The scalar series of one field."""
    steps, whole = len(episode), np.asarray(episode.fields[name], np.float64)
    values = (whole[-steps:] if after else whole[:steps]).reshape(steps, -1)
    if values.shape[1] == 1:
        return {name: values[:, 0]}
    return {f"{name}[{i}]": column for i, column in enumerate(values.T)}


def _among(column: FloatArray, others: Iterable[FloatArray]) -> bool:
    return any(np.array_equal(column, other) for other in others)


def _actions(episode: Episode) -> dict[str, FloatArray]:
    values = np.asarray(episode.actions, np.float64).reshape(len(episode), -1)
    return {
        f"action[{i}]" if values.shape[1] > 1 else "action": column
        for i, column in enumerate(values.T[:3])
    }
