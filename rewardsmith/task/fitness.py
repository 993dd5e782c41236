"""The task's own measure of an episode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rewardsmith.errors import BoundaryError, UsageError, boundary
from rewardsmith.task.loading import Task
from rewardsmith.task.sources import Source, parse_source
from rewardsmith.task.spec import NO_FITNESS, FitnessSpec
from rewardsmith.types import Episode


class Fitness(NamedTuple):
    """The fitness of one episode; ``success`` is None if the task does not define success."""

    value: float
    success: bool | None


FitnessFunction = Callable[[Episode], Fitness]
SUCCESS_FIELD = "_success"
_ROUNDING = 1e-6  # of the range, by which a fitness may lie outside it
_FIX = "fix the task's fitness function and start a new run: a run keeps its own copy of the task"
DRAFT = '''"""Fitness of an episode: the task's own measure, never shown to the writer."""


def fitness(episode):
    """Higher is better; the second value says whether the episode counts as solved.

    episode.fields["name"] has one row per step and one for the last state. Also available:
    episode.actions, episode.native_rewards, episode.terminated, episode.truncated, len(episode).

    Make it graded: while all episodes have the same fitness, programs cannot be distinguished.
    For example:

        near = 1 / (1 + (episode.fields["distance"][-1] / 0.1) ** 2)
        return float(near), bool(near > 0.9)
    """
    solved = episode.terminated
    return float(solved), solved
'''


def fitness_function(task: Task) -> FitnessFunction:
    """The function that measures an episode of a task; 0 for every episode if nothing does.

    Raises:
        UsageError: the function of the source does not exist.
    """
    spec = task.spec.fitness
    if not spec.exists:
        return lambda _: Fitness(0.0, None)
    if spec.source == "native_return":
        return lambda episode: _inside(_native(episode, spec.solved), spec)
    source = _parse(spec.source)
    if source.kind == "info":
        return lambda episode: _flag(episode, spec.at)
    function = task.function(source.file, source.name)
    return lambda episode: _inside(_own(function, episode, spec.source), spec)


def success_source(task: Task) -> str | None:
    """The info source of a success flag, which is recorded as the hidden field ``_success``."""
    source = task.spec.fitness.source
    if source in ("native_return", NO_FITNESS):
        return None
    return source if _parse(source).kind == "info" else None


def _parse(source: str) -> Source:
    try:
        parsed = parse_source(source)
    except ValueError:
        parsed = None
    if parsed is None or parsed.kind == "obs":
        raise UsageError(
            f"[fitness] source = {source!r} is not "
            'fitness.py:function, info["key"], native_return or none',
            "draft of a fitness.py:\n" + DRAFT,
        )
    return parsed


def _native(episode: Episode, solved: float | None) -> Fitness:
    value = float(episode.native_rewards.sum())
    return Fitness(value, None if solved is None else value >= solved)


def _flag(episode: Episode, at: str) -> Fitness:
    rows = np.asarray(episode.fields[SUCCESS_FIELD]).astype(bool).reshape(len(episode), -1)
    success = bool(rows.any() if at == "ever" else rows[-1].any())
    return Fitness(float(success), success)


def _inside(fitness: Fitness, spec: FitnessSpec) -> Fitness:
    """The fitness, which must lie in the range that the task states."""
    if spec.range is None:
        return fitness
    low, high = spec.range
    slack = _ROUNDING * (high - low)
    if not low - slack <= fitness.value <= high + slack:
        raise BoundaryError(
            f"{spec.source} returned {fitness.value}, outside [fitness] range = [{low}, {high}]",
            "correct the range or the function and start a new run: "
            "intervals of fitness depend on the range",
            where="environment",
        )
    return Fitness(min(max(fitness.value, low), high), fitness.success)


def _own(
    function: Callable[[Episode], tuple[float, bool | None]], episode: Episode, name: str
) -> Fitness:
    with boundary("environment", f"measuring an episode with {name}", _FIX):
        value, success = function(episode)
        fitness = Fitness(float(value), None if success is None else bool(success))
    if not math.isfinite(fitness.value):
        raise BoundaryError(
            f"{name} returned {fitness.value}, expected a finite number", _FIX, where="environment"
        )
    return fitness
