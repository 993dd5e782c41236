"""Recorded episodes: as columns for a program, and to and from disk as plain arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from rewardsmith.parts import NATIVE_REWARD
from rewardsmith.types import Array, Episode, Output

EPISODES = "episodes.npz"  # of the evaluation, in a trial's folder
PAID = "paid.npz"  # what its program pays for the steps of those, one episode after the other
ALONG = "along.npz"  # of its checkpoints, and of its policy disturbed, in a selection trial's folder


def episode_columns(episode: Episode, arguments: Iterable[str]) -> dict[str, Array]:
    """What a program would have been given over an episode: argument -> (T, ...).

    Raises:
        KeyError: the episode does not hold what the argument asks for.
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
            columns[argument] = np.repeat(episode.fields[argument.removeprefix("first_")][:1], steps, axis=0)
        else:
            columns[argument] = episode.fields[argument][:steps]
    return columns


def joined_columns(episodes: Iterable[Episode], arguments: Iterable[str]) -> dict[str, Array]:
    """The columns of several episodes one after the other: argument -> (sum of T, ...)."""
    names = tuple(arguments)
    parts = [episode_columns(episode, names) for episode in episodes]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def save_episodes(path: Path | IO[bytes], episodes: list[Episode], more: Mapping[str, Array] | None = None) -> None:
    """Write episodes as plain arrays: ``<number>/<name>``; ``more`` are arrays about all of them, by other names."""
    arrays: dict[str, Array] = dict(more or {})
    for number, episode in enumerate(episodes):
        arrays |= {f"{number}/fields/{name}": values for name, values in episode.fields.items()}
        arrays[f"{number}/actions"] = episode.actions
        arrays[f"{number}/native_rewards"] = episode.native_rewards
        arrays[f"{number}/ended"] = np.array([episode.terminated, episode.truncated])
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load_episodes(path: str | Path) -> list[Episode]:
    """Read what :func:`save_episodes` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        count = sum(key.endswith("/native_rewards") for key in arrays.files)
        return [_episode(arrays, number) for number in range(count)]


def _episode(arrays: np.lib.npyio.NpzFile, number: int) -> Episode:
    prefix = f"{number}/fields/"
    terminated, truncated = arrays[f"{number}/ended"]
    return Episode(
        fields={key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)},
        actions=arrays[f"{number}/actions"],
        native_rewards=arrays[f"{number}/native_rewards"],
        terminated=bool(terminated),
        truncated=bool(truncated),
    )


def save_output(path: Path, output: Output) -> None:
    """Write what a program returned for a batch as plain arrays."""
    terms = {f"terms/{name}": values for name, values in output.terms.items()}
    np.savez_compressed(path, total=output.total, **terms)  # type: ignore[arg-type]


def load_output(path: Path) -> Output:
    """Read what :func:`save_output` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        names = [key.removeprefix("terms/") for key in arrays.files if key.startswith("terms/")]
        return Output(arrays["total"], {name: arrays[f"terms/{name}"] for name in names})


def split_output(output: Output, lengths: Iterable[int]) -> list[Output]:
    """The output on episodes that follow one another, one by one."""
    ends = np.cumsum(list(lengths))
    totals = np.split(output.total, ends[:-1])
    terms = {name: np.split(values, ends[:-1]) for name, values in output.terms.items()}
    return [Output(total, {name: parts[n] for name, parts in terms.items()}) for n, total in enumerate(totals)]
