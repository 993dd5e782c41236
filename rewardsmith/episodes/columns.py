"""Episodes as the columns that a program is called with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rewardsmith.types import NATIVE_REWARD, Array, Columns, Episode, FloatArray, Output


def episode_columns(episode: Episode, arguments: Iterable[str]) -> dict[str, Array]:
    """The columns of an episode: argument -> (T, ...).

    Raises:
        KeyError: the episode has no values for an argument.
    """
    steps = len(episode)
    columns: dict[str, Array] = {}
    for argument in arguments:
        if argument == "action":
            columns[argument] = episode.actions
        elif argument == "prev_action":
            columns[argument] = np.concatenate([episode.actions[:1], episode.actions[:-1]])
        elif argument == "terminated":
            columns[argument] = np.arange(steps) == (steps - 1 if episode.terminated else steps)
        elif argument == NATIVE_REWARD:
            columns[argument] = episode.native_rewards
        elif argument.startswith("next_"):
            columns[argument] = episode.fields[argument.removeprefix("next_")][-steps:]
        elif argument.startswith("first_"):
            columns[argument] = np.repeat(
                episode.fields[argument.removeprefix("first_")][:1], steps, axis=0
            )
        else:
            columns[argument] = episode.fields[argument][:steps]
    return columns


def joined_columns(episodes: Iterable[Episode], arguments: Iterable[str]) -> dict[str, Array]:
    """The columns of several episodes one after the other: argument -> (sum of T, ...)."""
    names = tuple(arguments)
    return stacked([episode_columns(episode, names) for episode in episodes], names)


def stacked(parts: Sequence[Columns], names: Iterable[str]) -> dict[str, Array]:
    """The columns of several parts one after the other: name -> (sum of n, ...)."""

    def column(name: str) -> Array:
        return np.concatenate([part[name] for part in parts])

    return {name: column(name) for name in names}


def split_output(output: Output, lengths: Iterable[int]) -> list[Output]:
    """The output on episodes that follow one another, one by one."""
    cuts = np.cumsum(list(lengths))[:-1]
    totals = np.split(output.total, cuts)
    terms: list[dict[str, FloatArray]] = [{} for _ in totals]
    for name, values in output.terms.items():
        for of_episode, part in zip(terms, np.split(values, cuts), strict=True):
            of_episode[name] = part
    return [Output(total, parts) for total, parts in zip(totals, terms, strict=True)]


def shapes_in(columns: Columns) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Argument -> (shape of one row, dtype)."""
    return {name: (values.shape[1:], values.dtype) for name, values in columns.items()}
