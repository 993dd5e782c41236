"""Score sample episodes of a task before anything is spent: does its fitness measure the goal?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rewardsmith.api.knowledge import given_episodes
from rewardsmith.episodes.bank import Trajectory, measured
from rewardsmith.episodes.random_policy import collect_preflight, preflight_time
from rewardsmith.episodes.scripted import play_scripts, scripted_time
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.task.timebox import Tell, silent


@dataclass(frozen=True)
class EpisodeSample:
    """The scores of episodes of one kind.

    Attributes:
        kind: ``random`` actions, ``held`` actions, ``scripted`` actions (oscillating and randomly
            switching ones), ``expert`` for the controller of the task, or the file that holds them.
        episodes: their number.
        steps: mean number of steps.
        fitness: lowest, mean and highest.
        solved: share of successes; None where the task defines no success.
        native: mean native return.
    """

    kind: str
    episodes: int
    steps: float
    fitness: tuple[float, float, float]
    solved: float | None
    native: float


def sample_episodes(
    task: Task | str,
    *,
    bank: Sequence[str | Path] = (),
    use_expert: bool = False,
    tell: Tell | None = None,
) -> list[EpisodeSample]:
    """Play episodes without a learner, and score them with the fitness of the task.

    Args:
        task: a task, its name, or its folder.
        bank: runs of the same task, or files of recorded episodes, which are scored too.
        use_expert: play episodes of the task's own controller too.
        tell: is called every few seconds with how far a slow environment is.

    Raises:
        UsageError: the task's fields or fitness do not fit the environment, or ``bank`` does not
            fit the task.
        BoundaryError: the environment fails on reset or in a step.

    Example:
        for sample in rs.sample_episodes("mountain-car", use_expert=True):
            print(sample.kind, sample.fitness, sample.solved)
    """
    resolved = resolve_task(task)
    fitness = fitness_function(resolved)
    collected = collect_preflight(resolved, preflight_time(tell or silent))
    scripted, _ = play_scripts(resolved, time_box=scripted_time(tell or silent))
    given = given_episodes(resolved, list(map(str, bank)), expert=use_expert)
    found = [
        *measured(collected.behaviour.episodes, fitness, "random"),
        *measured(collected.held.episodes, fitness, "held"),
        *measured(scripted, fitness, "scripted"),
        *(given.trajectories if given is not None else ()),
    ]
    kinds = dict.fromkeys(one.origin for one in found)
    return [_sample(kind, found) for kind in kinds]


def _sample(kind: str, found: Sequence[Trajectory]) -> EpisodeSample:
    """The scores of the episodes of one kind."""
    episodes = [one for one in found if one.origin == kind]
    fitness = np.array([one.fitness for one in episodes], np.float64)
    solved = [one.success for one in episodes if one.success is not None]
    natives = [float(one.episode.native_rewards.sum()) for one in episodes]
    return EpisodeSample(
        kind=kind,
        episodes=len(episodes),
        steps=float(np.mean([len(one.episode) for one in episodes])),
        fitness=(float(fitness.min()), float(fitness.mean()), float(fitness.max())),
        solved=float(np.mean(solved)) if solved else None,
        native=float(np.mean(natives)),
    )
