"""Episodes of random policies: programs are checked on them, and the writer is given their ranges.

A second random policy repeats each action for a while. It gets further if single random steps
cancel each other out, so the bank contains better and worse episodes before anything is trained.
"""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Discrete

from rewardsmith.episodes.columns import joined_columns
from rewardsmith.episodes.preflight import Argument, Number, Preflight
from rewardsmith.episodes.recorder import Buffers, History, recorded_env
from rewardsmith.errors import UsageError
from rewardsmith.task.actions import is_legal, own_action_space, random_action
from rewardsmith.task.environment import (
    LIMIT,
    guarded_reset,
    guarded_step,
    longest_episode,
    make_env,
    most_steps,
)
from rewardsmith.task.fitness import DRAFT, Fitness, fitness_function
from rewardsmith.task.labels import label_function
from rewardsmith.task.layout import Layout
from rewardsmith.task.loading import Task
from rewardsmith.task.timebox import Tell, TimeBox, silent
from rewardsmith.types import Array, Columns, Episode, FloatArray

RANDOM_EPISODES = 8
HELD_EPISODES = 8
RANDOM_SEED, HELD_SEED = 0, 1  # of the reset before the first episode of each
# at least so many where the task labels subgoals: that false alarms are rare takes many to show
LABELLED_STEPS = 4000
LEAST_EPISODES = 2  # of a slow environment
_LOOK_S = 90.0
MOST_NUMBERS = 12  # of one argument that are described one by one
HELD_STEPS = 12  # for which an action is held, on average
TRANSITIONS = 512


class Behaviour(NamedTuple):
    """Whole episodes of one policy."""

    episodes: list[Episode]
    layout: Layout
    steps: int


def random_behaviour(
    task: Task,
    episodes: int = RANDOM_EPISODES,
    seed: int = RANDOM_SEED,
    held: float = 1,
    steps: int = 0,
    time_box: TimeBox | None = None,
) -> Behaviour:
    """Episodes of uniformly random actions.

    Args:
        episodes, steps: smallest number of each.
        held: steps for which each action is held, on average.
        time_box: once it is over, two episodes are enough.

    Raises:
        UsageError: a field does not fit the environment, or an episode does not end.
        BoundaryError: the environment fails on reset or in a step.
    """
    env, buffers = recorded_env(task)
    with closing(env):
        longest, played = most_steps(task, env), time_box or TimeBox("the episodes", math.inf)
        return _played(env, buffers, longest, episodes, seed, held, steps, played)


def _played(
    env: gym.Env[Any, Any],
    buffers: Buffers,
    longest: int,
    episodes: int,
    seed: int,
    held: float,
    steps: int,
    time_box: TimeBox,
) -> Behaviour:
    history, found, taken = History(buffers), list[Episode](), 0
    space = own_action_space(env, seed)
    guarded_reset(env, seed)
    buffers.begin()
    draws, action = np.random.default_rng(seed), None
    while len(found) < episodes or sum(map(len, found)) < steps:
        if time_box.is_over and len(found) >= LEAST_EPISODES:
            break
        if action is None or held <= 1 or draws.random() < 1 / held or not is_legal(env, action):
            action = random_action(env, space)
        _, _, terminated, truncated, _ = guarded_step(env, action)
        taken += 1
        time_box.step()
        done = terminated or truncated
        if done:
            guarded_reset(env)
        found += [episode for _, episode in history.add(np.array([done]))]
        buffers.advance()
        if taken - sum(map(len, found)) > longest:
            raise UsageError(f"a random episode did not end within {longest} steps", LIMIT)
    return Behaviour(found, buffers.layout, taken)


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


class PreflightData(NamedTuple):
    """The preflight of a task with its episodes.

    Attributes:
        report: the record of the preflight.
        behaviour: episodes of the random policy, from which the record is made.
        held: episodes in which each action is repeated; for the bank only.
        transitions: of the random policy.
    """

    report: Preflight
    behaviour: Behaviour
    held: Behaviour
    transitions: Columns


def collect_preflight(task: Task, time_box: TimeBox | None = None) -> PreflightData:
    """Play random episodes and record what programs, writers and users need to know.

    Args:
        time_box: how long it may take, see :func:`preflight_time`.

    Raises:
        UsageError: the task's fields or fitness do not fit the environment.
        BoundaryError: the environment fails on reset or in a step.
    """
    time_box = time_box or preflight_time()
    behaviour = random_behaviour(
        task, steps=LABELLED_STEPS if task.spec.labels else 0, time_box=time_box
    )
    held = random_behaviour(task, HELD_EPISODES, HELD_SEED, held=HELD_STEPS, time_box=time_box)
    fewer = min(len(behaviour.episodes), len(held.episodes)) < RANDOM_EPISODES
    slow = [time_box.measured(task.spec.training.steps)] if fewer else []
    for text in slow:
        time_box.tell(text)
    transitions = sample_transitions(behaviour)
    measure = fitness_function(task)
    measured = [measure(episode) for episode in behaviour.episodes]
    label_function(task)(behaviour.episodes[0])
    with closing(make_env(task)) as env:
        action_space, observation_space = env.action_space, env.observation_space
        longest = longest_episode(task, env) or _time_limit(behaviour.episodes)
    arguments = {name: _argument(name, transitions, _words(task, name)) for name in transitions}
    terminated = [episode.terminated for episode in behaviour.episodes]
    report = Preflight(
        arguments=arguments,
        hidden=behaviour.layout.hidden,
        random_fitness=tuple(fitness.value for fitness in measured),
        has_fitness=task.spec.fitness.exists,
        fitness_range=task.spec.fitness.possible,
        solved_from=task.spec.fitness.solved,
        episode_length=float(np.mean(list(map(len, behaviour.episodes)))),
        time_limit=_time_limit(behaviour.episodes),
        ended=float(np.mean(terminated)),
        steps=behaviour.steps + held.steps,
        actions=str(action_space),
        n_actions=int(action_space.n) if isinstance(action_space, Discrete) else None,
        return_bound=_return_bound(behaviour.episodes, longest),
        longest=longest,
        observations=str(observation_space),
        warnings=(*_warnings(task, behaviour.episodes, measured), *slow),
    )
    return PreflightData(report, behaviour, held, transitions)


def preflight_time(tell: Tell = silent) -> TimeBox:
    """The time of the random episodes before a run."""
    return TimeBox("random episodes", _LOOK_S, tell)


def _words(task: Task, argument: str) -> tuple[str, ...]:
    """Of the text that an argument is; none where it is no text."""
    texts = {field.name: field.words for field in task.spec.fields if field.words}
    return (
        texts.get(argument)
        or texts.get(argument.removeprefix("next_").removeprefix("first_"))
        or ()
    )


def _argument(name: str, transitions: Columns, words: tuple[str, ...]) -> Argument:
    """An argument; the range includes values after the last step of an episode."""
    values = transitions[name]
    numbers = np.concatenate(
        [np.asarray(values, np.float64), transitions.get(f"next_{name}", values[:0])]
    )
    seen = numbers[np.isfinite(numbers)]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 0.0)
    return Argument(
        shape=values.shape[1:],
        dtype=str(values.dtype),
        range=(low, high),
        words=words,
        numbers=() if words else _numbers(name, transitions),
    )


def _numbers(name: str, transitions: Columns) -> tuple[Number, ...]:
    """The numbers of an argument one by one; none of a long vector, a picture or a flag."""
    values = transitions[name]
    count = int(np.prod(values.shape[1:], dtype=int))
    if values.dtype == bool or values.ndim > 2 or count > MOST_NUMBERS:
        return ()
    before = transitions.get(name.removeprefix("next_"), values)
    columns = zip(_columns(values), _columns(before), strict=True)
    return tuple(_number(now, then) for now, then in columns)


def _columns(values: Array) -> FloatArray:
    return np.asarray(values, np.float64).reshape(len(values), -1).T


def _number(now: FloatArray, before: FloatArray) -> Number:
    known = now[np.isfinite(now)]
    if not known.size:
        return Number(range=(0.0, 0.0), usual=(0.0, 0.0))
    low, usual_low, usual_high, high = np.quantile(known, (0.0, 0.1, 0.9, 1.0)).tolist()
    changes = np.abs(now - before)
    moved = changes[np.isfinite(changes) & (changes > 0)]
    step = float(np.median(moved)) if moved.size else None
    return Number(range=(low, high), usual=(usual_low, usual_high), step=step)


def _time_limit(episodes: list[Episode]) -> int | None:
    lengths = {len(episode) for episode in episodes if episode.truncated}
    return lengths.pop() if len(lengths) == 1 else None


def _return_bound(episodes: list[Episode], limit: int | None) -> float | None:
    largest = max(float(np.abs(episode.native_rewards).max()) for episode in episodes)
    return largest * limit or None if limit is not None else None


def _warnings(task: Task, episodes: list[Episode], measured: list[Fitness]) -> list[str]:
    spec = task.spec.fitness
    unrewarded = all(not episode.native_rewards.any() for episode in episodes)
    if spec.source == "native_return" and unrewarded and spec.solved is None:
        raise UsageError(
            f"{task.env_id} gives no reward in {len(episodes)} random episodes "
            "and the task has no other fitness",
            "name a success key ([fitness] source = 'info[\"is_success\"]') "
            "or write a fitness.py:\n" + DRAFT,
        )
    warnings = [
        f"{field.source} was never reported in {len(episodes)} random episodes: "
        f"field {field.name!r} has its default everywhere"
        for field in task.spec.fields
        if field.default is not None and _is_constant(episodes, field.name, field.default)
    ]
    values = [fitness.value for fitness in measured]
    if len(set(values)) == 1 and spec.exists:
        warnings.append(
            f"the fitness was {values[0]:g} in all {len(values)} random episodes: "
            "until some program succeeds, it cannot distinguish programs; "
            "grade it if you can, so that being nearer to success is worth more"
        )
    return warnings


def _is_constant(episodes: list[Episode], name: str, value: float | tuple[float, ...]) -> bool:
    return all((episode.fields[name] == value).all() for episode in episodes)
