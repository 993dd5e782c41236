"""Recorded behaviour of a task: what programs are checked on, and what the writer is told as ranges.

Today it holds random behaviour; later parts judge programs against behaviour of known fitness in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rewardsmith.episodes import joined_columns
from rewardsmith.errors import UsageError
from rewardsmith.layout import Layout
from rewardsmith.recorder import History, recorded_env
from rewardsmith.task.environment import guarded_reset, guarded_step
from rewardsmith.task.loading import Task
from rewardsmith.types import Columns, Episode

RANDOM_EPISODES = 8
LONGEST_EPISODE = 20_000  # steps; an environment without a time limit must be given one
TRANSITIONS = 512


class Behaviour(NamedTuple):
    """Whole episodes of one way of acting."""

    episodes: list[Episode]
    layout: Layout
    steps: int


def random_behaviour(task: Task, episodes: int = RANDOM_EPISODES, seed: int = 0) -> Behaviour:
    """Episodes of uniformly random actions.

    Raises:
        UsageError: a field does not fit the environment, or an episode does not end.
        BoundaryError: the environment fails on reset or in a step.
    """
    env, buffers = recorded_env(task)
    history, found, steps = History(buffers), list[Episode](), 0
    env.action_space.seed(seed)
    guarded_reset(env, seed)
    buffers.begin()
    while len(found) < episodes:
        _, _, terminated, truncated, _ = guarded_step(env, env.action_space.sample())
        steps += 1
        done = terminated or truncated
        if done:
            guarded_reset(env)
        found += [episode for _, episode in history.add(np.array([done]))]
        buffers.advance()
        if steps > LONGEST_EPISODE * episodes or (not found and steps > LONGEST_EPISODE):
            raise UsageError(
                f"a random episode did not end within {LONGEST_EPISODE} steps",
                "set [env] max_episode_steps in the task",
            )
    env.close()
    return Behaviour(found, buffers.layout, steps)


def sample_transitions(behaviour: Behaviour, rows: int = TRANSITIONS) -> Columns:
    """Transitions spread over the episodes, every episode's last one among them.

    Returns:
        Every argument that the task offers -> (n, ...), n at most ``rows``.
    """
    columns = joined_columns(behaviour.episodes, behaviour.layout.arguments)
    ends = np.cumsum([len(episode) for episode in behaviour.episodes]) - 1
    total = int(ends[-1]) + 1
    spread = np.linspace(0, total - 1, min(total, rows - len(ends))).astype(int)
    chosen = np.unique(np.concatenate([spread, ends]))
    return {name: values[chosen] for name, values in columns.items()}


def shapes_in(columns: Columns) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Argument -> (shape of one row, dtype)."""
    return {name: (values.shape[1:], values.dtype) for name, values in columns.items()}
