"""Score sample episodes of a task before anything is spent: does its fitness measure the goal?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rewardsmith.api.knowledge import EXPERT_SEED, expert_episodes, given_episodes
from rewardsmith.episodes.bank import Trajectory, measured
from rewardsmith.episodes.random_policy import (
    HELD_SEED,
    RANDOM_SEED,
    collect_preflight,
    preflight_time,
)
from rewardsmith.episodes.replay import Take
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
    return sample_scores(play_samples(resolve_task(task), bank, use_expert, tell or silent))


class PlayedSample(NamedTuple):
    """One sample episode.

    Attributes:
        take: how to play it again; None of an episode that was given.
    """

    trajectory: Trajectory
    take: Take | None


def play_samples(
    task: Task, bank: Sequence[str | Path], use_expert: bool, tell: Tell
) -> list[PlayedSample]:
    """The sample episodes of a task, as :func:`sample_episodes` describes and raises."""
    fitness = fitness_function(task)
    collected = collect_preflight(task, preflight_time(tell))
    scripted, _ = play_scripts(task, time_box=scripted_time(tell))
    given = given_episodes(task, list(map(str, bank)), expert=False)
    expert = expert_episodes(task) if use_expert else []
    random, held = collected.behaviour.episodes, collected.held.episodes
    return [
        *_in_a_row(measured(random, fitness, "random"), RANDOM_SEED),
        *_in_a_row(measured(held, fitness, "held"), HELD_SEED),
        *_each_seeded(measured(scripted, fitness, "scripted"), 0),
        *(PlayedSample(one, None) for one in (given.trajectories if given is not None else ())),
        *_each_seeded(expert, EXPERT_SEED),
    ]


def sample_scores(samples: Sequence[PlayedSample]) -> list[EpisodeSample]:
    """The scores of the episodes of each kind."""
    trajectories = [one.trajectory for one in samples]
    kinds = dict.fromkeys(one.origin for one in trajectories)
    return [_sample(kind, trajectories) for kind in kinds]


def _in_a_row(found: Sequence[Trajectory], seed: int) -> list[PlayedSample]:
    """Episodes after one reset with a seed."""
    episodes = [one.episode for one in found]
    takes = [Take(seed, episodes[: place + 1]) for place in range(len(episodes))]
    return list(map(PlayedSample, found, takes))


def _each_seeded(found: Sequence[Trajectory], seed: int) -> list[PlayedSample]:
    """Episodes that begin with seeds in a row."""
    return [PlayedSample(one, Take(seed + place, [one.episode])) for place, one in enumerate(found)]


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
