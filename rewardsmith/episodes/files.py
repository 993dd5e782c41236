"""Recorded episodes: as columns for a program, and to and from disk as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from rewardsmith.types import Array, Episode, Output

TRANSITIONS = "transitions.npz"  # of a random policy, in a run's bank
SCRIPTED_FILE = "scripted.npz"  # episodes of scripted actions, in a run's bank
REPLAYS = "replays.npz"  # actions of successes, for the scripts
EPISODES = "episodes.npz"  # of the evaluation, in a trial's folder
REWARDS = "rewards.npz"  # of its program for the steps of those episodes, concatenated
FAILURES = "failures.npz"  # with the highest returns, in an exploiter's training; in its folder
ALONG = (
    "along.npz"  # of its checkpoints, and of its policy disturbed, in a selection trial's folder
)

_FIELDS = "fields/"


def save_episodes(
    path: Path | IO[bytes], episodes: list[Episode], more: Mapping[str, Array] | None = None
) -> None:
    """Write episodes of one task as plain arrays, one after the other.

    A file has few arrays, however many episodes: each array takes a millisecond to read.

    Args:
        more: arrays about all of them, shape (m, ...).
    """
    arrays: dict[str, Array] = dict(more or {})
    arrays["lengths"] = np.array([len(episode) for episode in episodes], np.int64)
    ended = [(episode.terminated, episode.truncated) for episode in episodes]
    arrays["ended"] = np.array(ended, np.bool_).reshape(len(episodes), 2)
    if episodes:
        arrays["actions"] = np.concatenate([episode.actions for episode in episodes])
        arrays["native_rewards"] = np.concatenate([one.native_rewards for one in episodes])
        for name in episodes[0].fields:
            values = [episode.fields[name] for episode in episodes]
            arrays[f"{_FIELDS}{name}"] = np.concatenate(values)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load_episodes(path: str | Path) -> list[Episode]:
    """Read what :func:`save_episodes` wrote.

    Raises:
        OSError: the file cannot be read.
        ValueError: it contains no episodes.

    Example:
        episodes = rs.load_episodes("my_episodes.npz")
        episodes[0].native_rewards.sum()
    """
    with np.load(path, allow_pickle=False) as file:
        if "lengths" not in file:
            raise ValueError("it contains no episodes in the present format")
        arrays = {key: file[key] for key in file.files}
    lengths = arrays["lengths"]
    if not len(lengths):
        return []
    actions, rewards = (_parts(arrays[name], lengths) for name in ("actions", "native_rewards"))
    fields = {
        key.removeprefix(_FIELDS): _parts(values, lengths)
        for key, values in arrays.items()
        if key.startswith(_FIELDS)
    }
    episodes = []
    for number, (terminated, truncated) in enumerate(arrays["ended"].tolist()):
        own = {name: parts[number] for name, parts in fields.items()}
        episodes.append(Episode(own, actions[number], rewards[number], terminated, truncated))
    return episodes


def _parts(rows: Array, lengths: Array) -> list[Array]:
    """The rows of each episode: one for each step, and for a state one more."""
    rows_of_each = lengths if len(rows) == lengths.sum() else lengths + 1
    return np.split(rows, np.cumsum(rows_of_each)[:-1])


def save_output(path: Path, output: Output) -> None:
    """Write what a program returned for a batch as plain arrays."""
    terms = {f"terms/{name}": values for name, values in output.terms.items()}
    np.savez_compressed(path, total=output.total, **terms)  # type: ignore[arg-type]


def load_output(path: Path) -> Output:
    """Read what :func:`save_output` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        names = [key.removeprefix("terms/") for key in arrays.files if key.startswith("terms/")]
        return Output(arrays["total"], {name: arrays[f"terms/{name}"] for name in names})
