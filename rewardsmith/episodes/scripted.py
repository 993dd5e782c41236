"""Episodes of scripted actions: behaviour that no policy of a run has shown, found without a model.

Rewards are often exploited by simple motions: an action that is held, an oscillation, or a success
that stops short of the goal. The scripts play such motions, so that programs can be screened and
audited on them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rewardsmith.episodes.recorder import Buffers, History, recorded_env
from rewardsmith.errors import UsageError
from rewardsmith.task.actions import is_legal, random_action
from rewardsmith.task.environment import LIMIT, guarded_reset, guarded_step, most_steps
from rewardsmith.task.loading import Task
from rewardsmith.task.timebox import Tell, TimeBox, silent
from rewardsmith.types import Array, Episode

HELD, PERIODIC, TELEGRAPH, REPLAYED, MIRRORED = 12, 12, 8, 8, 8  # episodes of each family
_SHORTEST, _LONGEST = 2, 64  # half periods of an oscillation, in steps
_CUTS = (0.5, 0.7, 0.85, 0.95)  # shares of a success that are replayed
LEAST_SCRIPTED = 4  # episodes of a slow environment
_TIME_S = 90.0

Action = Any
Script = Iterator[Action]
"""The actions of one episode, without end."""


def scripts(space: spaces.Space[Action], replays: Sequence[Array], seed: int) -> list[Script]:
    """The scripts of all families.

    Args:
        space: of the actions.
        replays: actions of successful episodes, each of shape (T, ...); there may be none.
        seed: of all random choices.
    """
    rng = np.random.default_rng(seed)
    space.seed(seed)
    corners = _corners(space)
    found: list[Script] = [itertools.repeat(_nth(corners, space, n)) for n in range(HELD)]
    found += [_square_wave(_pair(corners, space, rng), _half_period(rng)) for _ in range(PERIODIC)]
    found += [
        _telegraph(_pair(corners, space, rng), 1 / _half_period(rng), rng) for _ in range(TELEGRAPH)
    ]
    if replays:
        found += [_cut(replays[n % len(replays)], _CUTS[n % len(_CUTS)]) for n in range(REPLAYED)]
        found += [_mirrored(replays[n % len(replays)], space) for n in range(MIRRORED)]
    return found


def play_scripts(
    task: Task, replays: Sequence[Array] = (), seed: int = 0, time_box: TimeBox | None = None
) -> tuple[list[Episode], int]:
    """One episode of each script.

    Args:
        time_box: once it is over, four episodes are enough; see :func:`scripted_time`.

    Returns:
        The episodes, and the environment steps that they took.

    Raises:
        UsageError: an episode does not end.
        BoundaryError: the environment fails on reset or in a step.
    """
    time_box = time_box or scripted_time()
    env, buffers = recorded_env(task)
    history, episodes = History(buffers), dict[int, Episode]()
    longest, played = most_steps(task, env), scripts(env.action_space, replays, seed)
    for number in _spread(len(played)):
        if time_box.is_over and len(episodes) >= LEAST_SCRIPTED:
            break
        guarded_reset(env, seed + number)
        buffers.begin()
        history.restart()
        script = itertools.islice(played[number], longest)
        episodes[number] = _play(env, script, history, buffers, time_box)
    env.close()
    in_order = [episodes[number] for number in sorted(episodes)]
    return in_order, sum(map(len, in_order))


def scripted_time(tell: Tell = silent) -> TimeBox:
    """The time of the scripted episodes."""
    return TimeBox("scripted episodes", _TIME_S, tell)


def _spread(count: int) -> list[int]:
    """Numbers below ``count``, in an order in which the first few are of different families."""
    return [number for first in range(HELD) for number in range(first, count, HELD)]


def _play(
    env: gym.Env[Any, Any],
    script: Script,
    history: History,
    buffers: Buffers,
    time_box: TimeBox,
) -> Episode:
    for action in script:
        taken = action if is_legal(env, action) else random_action(env)
        _, _, terminated, truncated, _ = guarded_step(env, taken)
        time_box.step()
        ended = history.add(np.array([terminated or truncated]))
        if ended:
            return ended[0][1]
        buffers.advance()
    raise UsageError("a scripted episode did not end", LIMIT)


def _corners(space: spaces.Space[Action]) -> list[Action]:
    """Extreme actions: each discrete action, or each bound of each component, and the middle."""
    if isinstance(space, spaces.Discrete):
        return [space.start + n for n in range(int(space.n))]
    if not isinstance(space, spaces.Box) or not space.is_bounded():
        return []
    middle = (space.low + space.high) / 2
    corners = [space.low, space.high, middle]
    for place in np.ndindex(space.shape):
        for bound in (space.low, space.high):
            corner = middle.copy()
            corner[place] = bound[place]
            corners.append(corner)
    return [corner.astype(space.dtype) for corner in corners]


def _nth(corners: Sequence[Action], space: spaces.Space[Action], n: int) -> Action:
    return corners[n] if n < len(corners) else space.sample()


def _pair(
    corners: Sequence[Action], space: spaces.Space[Action], rng: np.random.Generator
) -> tuple[Action, Action]:
    """Two different extreme actions, or two random ones where the space has no extremes."""
    if len(corners) < 2:
        return space.sample(), space.sample()
    one, other = rng.choice(len(corners), 2, replace=False)
    return corners[one], corners[other]


def _half_period(rng: np.random.Generator) -> int:
    return int(np.exp(rng.uniform(np.log(_SHORTEST), np.log(_LONGEST))))


def _square_wave(pair: tuple[Action, Action], half_period: int) -> Script:
    for action in itertools.cycle(pair):
        yield from itertools.repeat(action, half_period)


def _telegraph(pair: tuple[Action, Action], rate: float, rng: np.random.Generator) -> Script:
    """Switch between two actions at random, with this probability at each step."""
    draws, place = np.random.default_rng(rng.integers(2**32)), 0
    while True:
        yield pair[place]
        place ^= int(draws.random() < rate)


def _cut(actions: Array, share: float) -> Script:
    """The first part of an episode; then its last action is held."""
    kept = actions[: max(1, int(share * len(actions)))]
    yield from kept
    yield from itertools.repeat(kept[-1])


def _mirrored(actions: Array, space: spaces.Space[Action]) -> Script:
    """Each action reflected in the middle of the space, over and over."""
    for action in itertools.cycle(actions):
        yield _reflected(action, space)


def _reflected(action: Action, space: spaces.Space[Action]) -> Action:
    if isinstance(space, spaces.Discrete):
        return 2 * space.start + space.n - 1 - action
    if isinstance(space, spaces.Box) and space.is_bounded():
        return (space.low + space.high - action).astype(space.dtype)
    return action
