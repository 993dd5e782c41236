"""The few moments of an episode that tell most, in the task's own fields.

A person who is told of an episode wants its beginning, its end, and where something happened. Here:
where a step paid most and least, and the middle of the longest stretch that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rewardsmith.episodes.preflight import Argument, Arguments
from rewardsmith.task.text import text_of
from rewardsmith.types import Episode, FloatArray, Output

MOST_MOMENTS = 6
MOST_FIELDS = 6


def moments(paid: FloatArray, most: int = MOST_MOMENTS) -> list[int]:
    """Steps of an episode worth showing, in order: first and last, best and worst paid, then middles of the gaps.

    Args:
        paid: reward of each step, shape (T,).
    """
    chosen = {0, len(paid) - 1, int(np.argmax(paid)), int(np.argmin(paid))}
    while len(chosen) < min(most, len(paid)):
        _, low, high = max((high - low, low, high) for low, high in pairwise(sorted(chosen)))
        chosen.add((low + high) // 2)
    return sorted(chosen)


def episode_table(
    episode: Episode, output: Output, fields: Sequence[str], seen: Arguments
) -> dict[str, Any]:
    """Columns and rows that tell an episode, for a prompt or a page.

    Args:
        output: what the program pays for its steps.
        fields: those that the program reads; others fill up, up to six numbers in all.
        seen: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`;
            nothing else is shown.

    Returns:
        ``columns`` (fields, actions, paid, terms) and ``rows`` of ``step`` and ``cells``: numbers,
        or texts. A step is
        told from 1, and with the last one in which all is the same: "13 to 49".
    """
    texts = _texts(episode, seen)
    known = numbers_of(episode, fields, seen) | _actions(episode)
    terms = {
        f"pay for {name}" if name in known or name == "paid" else name: v
        for name, v in output.terms.items()
    }
    shown = known | {"paid": output.total, **terms}
    steps = [
        [*(texts[name][at] for name in texts), *(float(values[at]) for values in shown.values())]
        for at in range(len(episode))
    ]
    rows: list[dict[str, Any]] = []
    last = -1
    for at in moments(output.total):
        if at <= last:  # where nothing happens, once is enough
            continue
        last = next(
            (step for step in range(at, len(steps) - 1) if steps[step + 1] != steps[at]),
            len(steps) - 1,
        )
        rows.append(
            {"step": f"{at + 1}" if last == at else f"{at + 1} to {last + 1}", "cells": steps[at]}
        )
    return {"columns": [*texts, *shown], "rows": rows}


def _texts(episode: Episode, seen: Arguments) -> dict[str, list[str]]:
    """Texts after each step, by name."""
    known = {name: _argument(name, seen) for name in episode.fields}
    texts = {name: found.words for name, found in known.items() if found is not None}
    return {
        name: [text_of(ids, words) for ids in episode.fields[name][-len(episode) :]]
        for name, words in texts.items()
        if words
    }


def _argument(name: str, seen: Arguments) -> Argument | None:
    """What is known of a field; None of one that programs may not read."""
    return seen.get(name, seen.get(f"next_{name}"))


def numbers_of(
    episode: Episode, first: Sequence[str], seen: Arguments, *, after: bool = True
) -> dict[str, FloatArray]:
    """Scalar series of an episode's fields, at most six, by name; a field of d numbers gives ``name[0]`` and so on.

    What a named field tells already is not shown again as part of ``obs``; texts are left out.

    Args:
        first: fields that come first.
        seen: what programs may read; nothing else is shown.
        after: the values after each step, else those before it, of fields that have any.
    """
    about, steps = {name: _argument(name, seen) for name in episode.fields}, len(episode)
    offered = [name for name, known in about.items() if known is not None and not known.words]
    if not after:
        offered = [name for name in offered if len(episode.fields[name]) > steps]
    found: dict[str, FloatArray] = {}
    for name in dict.fromkeys([name for name in first if name in offered] + offered):
        whole = np.asarray(episode.fields[name], np.float64)
        values = (whole[-steps:] if after else whole[:steps]).reshape(steps, -1)
        several = values.shape[1] > 1
        new = {f"{name}[{i}]" if several else name: column for i, column in enumerate(values.T)}
        found |= {
            part: column
            for part, column in new.items()
            if name != "obs" or not _among(column, found.values())
        }
    return dict(list(found.items())[:MOST_FIELDS])


def _among(column: FloatArray, others: Iterable[FloatArray]) -> bool:
    return any(np.array_equal(column, other) for other in others)


def _actions(episode: Episode) -> dict[str, FloatArray]:
    values = np.asarray(episode.actions, np.float64).reshape(len(episode), -1)
    return {
        f"action[{i}]" if values.shape[1] > 1 else "action": column
        for i, column in enumerate(values.T[:3])
    }
