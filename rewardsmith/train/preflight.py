"""Looks at a task's environment before a token or a training step is spent.

Random behaviour is what programs are checked on, what the writer is told as ranges, and the floor of
normalised fitness. Whatever is wrong with the environment or the settings comes out here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from pydantic import BaseModel, ConfigDict

from rewardsmith.bank import random_behaviour, sample_transitions
from rewardsmith.episodes import save_episodes
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.task.environment import make_env
from rewardsmith.task.fitness import DRAFT, Fitness, fitness_function
from rewardsmith.task.loading import Task
from rewardsmith.train.jobs import write_json
from rewardsmith.train.learner import check_hyperparameters, make_policy, normalised
from rewardsmith.train.vectors import make_vec_env
from rewardsmith.types import Episode


class Argument(BaseModel):
    """One name that a program may ask for."""

    model_config = ConfigDict(frozen=True)

    shape: tuple[int, ...]
    dtype: str
    range: tuple[float, float]


class Preflight(BaseModel):
    """What was seen.

    Attributes:
        arguments: every name that programs may ask for, with its range on random behaviour.
        hidden: names of fields that exist but are not offered.
        random_fitness: per random episode.
        warnings: what a person should know before spending anything.
        steps: environment steps taken.
        actions: a description of the action space.
        n_actions: number of discrete actions; None for others.
    """

    arguments: dict[str, Argument]
    hidden: list[str]
    random_fitness: list[float]
    episode_length: float
    steps: int
    actions: str
    n_actions: int | None
    observations: str
    warnings: list[str]


def run_preflight(task: Task, folder: Path) -> Preflight:
    """Play random episodes; write ``preflight.json``, ``transitions.npz`` and ``random.npz``.

    Raises:
        UsageError: the task's fields, fitness, algorithm or hyper-parameters do not fit the environment.
        BoundaryError: the environment fails on reset or in a step.
    """
    check_hyperparameters(task.spec.training)
    behaviour = random_behaviour(task)
    env = make_env(task)
    _try_learner(task)
    measure = fitness_function(task)
    measured = [measure(episode) for episode in behaviour.episodes]
    columns = sample_transitions(behaviour)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "transitions.npz", **columns)  # type: ignore[arg-type]
    save_episodes(folder / "random.npz", behaviour.episodes)
    fields = behaviour.layout.fields
    report = Preflight(
        arguments={name: _argument(values) for name, values in columns.items()},
        hidden=sorted(name for name, view in fields.items() if view.hidden and not name.startswith("_")),
        random_fitness=[fitness.value for fitness in measured],
        episode_length=float(np.mean([len(episode) for episode in behaviour.episodes])),
        steps=behaviour.steps,
        actions=str(env.action_space),
        n_actions=int(env.action_space.n) if isinstance(env.action_space, Discrete) else None,
        observations=str(env.observation_space),
        warnings=_warnings(task, behaviour.episodes, measured),
    )
    write_json(folder / "preflight.json", report)
    env.close()
    return report


def _try_learner(task: Task) -> None:
    """Make the learner once: policy, algorithm and spaces must go together."""
    training = task.spec.training
    probe = make_vec_env(task, 1, 0)
    try:
        make_policy(training, normalised(probe, training))
    except BoundaryError as error:
        cause = error.__cause__ or error
        hint = "check algorithm and policy: Dict observations need MultiInputPolicy, discrete actions PPO or DQN"
        raise UsageError(
            f"{training.algorithm} with {training.policy} does not fit {task.env_id}: {cause}", hint
        ) from None
    finally:
        probe.close()


def _argument(values: Any) -> Argument:
    numbers = np.asarray(values, np.float64)
    seen = numbers[np.isfinite(numbers)]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
    return Argument(shape=values.shape[1:], dtype=str(values.dtype), range=(low, high))


def _warnings(task: Task, episodes: list[Episode], measured: list[Fitness]) -> list[str]:
    spec = task.spec.fitness
    unrewarded = all(not episode.native_rewards.any() for episode in episodes)
    if spec.source == "native_return" and unrewarded and spec.solved is None:
        raise UsageError(
            f"{task.env_id} gives no reward in {len(episodes)} random episodes and the task has no other fitness",
            "name a success key ([fitness] source = 'info[\"is_success\"]') or write a fitness.py:\n" + DRAFT,
        )
    values = [fitness.value for fitness in measured]
    if len(set(values)) == 1:
        return [
            f"the fitness was {values[0]:g} in all {len(values)} random episodes: until some program succeeds, "
            "nothing can be told apart by it"
        ]
    return []
