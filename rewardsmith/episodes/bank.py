"""The bank: recorded episodes of a task with their fitness, on which programs are screened.

It stays small: every trajectory once, at most :data:`CAPACITY` of them, the worse and the better in
balance. Each keeps its origin: a random policy, an agent during or after its training, the user.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from rewardsmith.episodes.columns import joined_columns
from rewardsmith.episodes.files import load_episodes, save_episodes
from rewardsmith.task.fitness import FitnessFunction
from rewardsmith.types import Array, Columns, Episode, FloatArray

CAPACITY = 200
_ORIGINS = {
    "random": "random actions",
    "held": "random actions, each held for a while",
    "native": "an agent of the native reward",
    "expert": "a controller written by hand",
    "scripted": "scripted actions",
    "exploiter": "an agent that was trained to avoid success",
}


class Trajectory(NamedTuple):
    """One episode with its fitness and its origin.

    Attributes:
        success: None where the task defines none.
        origin: ``random``, ``held``, ``scripted``, ``exploiter``, a program's id, ``native``,
            ``expert``, or the file that the user gave.
    """

    episode: Episode
    fitness: float
    success: bool | None
    origin: str

    @property
    def whose(self) -> str:
        """Its origin in words."""
        return _ORIGINS.get(
            self.origin, self.origin if "." in self.origin else "an agent of a program"
        )


class Bank:
    """Trajectories of one task, in a fixed order.

    Args:
        trajectories: any number; equal ones are kept once, and of too many an even choice by
            fitness.
    """

    def __init__(self, trajectories: Iterable[Trajectory], capacity: int = CAPACITY) -> None:
        once: dict[bytes, Trajectory] = {}
        for found in trajectories:
            once.setdefault(_digest(found.episode), found)
        self.trajectories = tuple(_balanced(list(once.values()), capacity))

    def __len__(self) -> int:
        return len(self.trajectories)

    @cached_property
    def lengths(self) -> Array:
        """Steps of each trajectory, shape (m,)."""
        return np.array([len(found.episode) for found in self.trajectories], np.int64)

    @cached_property
    def fitness(self) -> FloatArray:
        """Shape (m,)."""
        return np.array([found.fitness for found in self.trajectories], np.float64)

    @cached_property
    def successes(self) -> Array | None:
        """Shape (m,), bool; None where the task defines no success."""
        if any(found.success is None for found in self.trajectories):
            return None
        return np.array([found.success for found in self.trajectories], bool)

    @property
    def episodes(self) -> list[Episode]:
        """The episodes alone."""
        return [found.episode for found in self.trajectories]

    @property
    def knows_states(self) -> bool:
        """Whether any field is known at reset, so that a step leads from one state to another."""
        return bool(self.trajectories) and self.states[0].shape[1] > 0

    @cached_property
    def states(self) -> list[FloatArray]:
        """Of each trajectory the fields known before and after every step, shape (T + 1, d).

        d is 0 where the task has no field that is known at reset.
        """
        return [_states(found.episode) for found in self.trajectories]

    def columns(self, arguments: Iterable[str]) -> Columns:
        """The arguments of a program, all trajectories one after the other: argument -> (N, ...).

        Raises:
            KeyError: a trajectory has no values for an argument.
        """
        return joined_columns(self.episodes, tuple(arguments) or ("action",))


def measured(
    episodes: Iterable[Episode], fitness: FitnessFunction, origin: str
) -> list[Trajectory]:
    """Episodes with their fitness."""
    return [Trajectory(episode, *fitness(episode), origin) for episode in episodes]


def save_bank(path: Path | IO[bytes], bank: Bank) -> None:
    """Write a bank as plain arrays, which :func:`load_bank` and ``load_episodes`` read."""
    successes = [-1 if one.success is None else one.success for one in bank.trajectories]
    origins = [one.origin for one in bank.trajectories]
    known = {
        "fitness": bank.fitness,
        "success": np.array(successes, np.int64),
        "origin": np.array(origins, np.str_),
    }
    save_episodes(path, bank.episodes, known)


def load_bank(path: str | Path) -> Bank:
    """Read what :func:`save_bank` wrote."""
    episodes = load_episodes(path)
    with np.load(path, allow_pickle=False) as arrays:
        known = zip(arrays["fitness"], arrays["success"], arrays["origin"], strict=True)
        about = [
            (float(fitness), None if flag < 0 else bool(flag), str(origin))
            for fitness, flag, origin in known
        ]
    return Bank(
        (Trajectory(episode, *rest) for episode, rest in zip(episodes, about, strict=True)),
        len(episodes),
    )


def _states(episode: Episode) -> FloatArray:
    states = len(episode) + 1
    known = [
        np.asarray(values, np.float64).reshape(states, -1)
        for values in episode.fields.values()
        if len(values) == states
    ]
    return np.concatenate([np.zeros((states, 0)), *known], axis=1)


def _digest(episode: Episode) -> bytes:
    arrays = [episode.actions, *(episode.fields[name] for name in sorted(episode.fields))]
    return hashlib.sha256(
        b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    ).digest()


def _balanced(found: Sequence[Trajectory], capacity: int) -> list[Trajectory]:
    """All, or half worse and half better ones, evenly spaced by fitness in each half."""
    if len(found) <= capacity:
        return list(found)
    is_better = _better(found)
    ranked = sorted(range(len(found)), key=lambda place: (found[place].fitness, place))
    worse = [place for place in ranked if not is_better[place]]
    better = [place for place in ranked if is_better[place]]
    many = max(capacity // 2, capacity - len(better))
    kept = {*_even(worse, min(many, len(worse))), *_even(better, capacity - min(many, len(worse)))}
    return [found[place] for place in sorted(kept)]


def _better(found: Sequence[Trajectory]) -> list[bool]:
    """Success of each, or without one whether its fitness is in the upper half."""
    fitness = [one.fitness for one in found]
    middle = (min(fitness) + max(fitness)) / 2
    return [one.fitness > middle if one.success is None else one.success for one in found]


def _even(places: Sequence[int], count: int) -> list[int]:
    """``count`` of them, evenly spaced, both ends among them."""
    return (
        [places[round(float(at))] for at in np.linspace(0, len(places) - 1, count)] if count else []
    )
