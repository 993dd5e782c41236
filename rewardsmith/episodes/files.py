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


def save_episodes(
    path: Path | IO[bytes], episodes: list[Episode], more: Mapping[str, Array] | None = None
) -> None:
    """Write episodes as plain arrays ``<number>/<name>``; ``more`` are arrays about all of them."""
    arrays: dict[str, Array] = dict(more or {})
    for number, episode in enumerate(episodes):
        arrays |= {f"{number}/fields/{name}": values for name, values in episode.fields.items()}
        arrays[f"{number}/actions"] = episode.actions
        arrays[f"{number}/native_rewards"] = episode.native_rewards
        arrays[f"{number}/ended"] = np.array([episode.terminated, episode.truncated])
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load_episodes(path: str | Path) -> list[Episode]:
    """Read what :func:`save_episodes` wrote.

    Example:
        episodes = rs.load_episodes("my_episodes.npz")
        episodes[0].native_rewards.sum()
    """
    with np.load(path, allow_pickle=False) as arrays:
        count = sum(key.endswith("/native_rewards") for key in arrays.files)
        return [_episode(arrays, number) for number in range(count)]


def _episode(arrays: np.lib.npyio.NpzFile, number: int) -> Episode:
    prefix = f"{number}/fields/"
    terminated, truncated = arrays[f"{number}/ended"]
    return Episode(
        fields={
            key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)
        },
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
