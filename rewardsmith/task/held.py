"""What happens if one action is held: an episode for each choice, or for each part of the action.

It shows what an action does over many steps, where its effect within one step is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from rewardsmith.task.actions import is_legal
from rewardsmith.task.environment import guarded_reset, guarded_step
from rewardsmith.task.facts import Facts
from rewardsmith.task.motion import Motion
from rewardsmith.task.timebox import TimeBox
from rewardsmith.task.values import numbers
from rewardsmith.types import Array

_MOST_ACTIONS = 40
_MOST_STEPS = 200
_MOST_CHANGES = 5  # numbers that are listed for an action


class Held(NamedTuple):
    """An episode in which one action was held, from the same reset as all others.

    Attributes:
        action: in words.
        steps: of the episode, at most 200.
        ended: whether it ended by itself.
        native_return: of these steps.
        changes: place of a number -> its change from the reset to the last step. The numbers whose
            change is the largest part of their range in random steps come first.
        info: scalars of info after the last step.
    """

    action: str
    steps: int
    ended: bool
    native_return: float
    changes: dict[int, float]
    info: dict[str, float]


def hold_actions(env: gym.Env[Any, Any], motion: Motion, time_box: TimeBox) -> list[Held]:
    """Hold each action for an episode, until the time is over.

    Raises:
        BoundaryError: the environment fails.
    """
    found = []
    for name, action in _actions(env.action_space):
        found.append(_hold(env, motion, name, action))
        if time_box.is_over:
            break
    return found


def _hold(env: gym.Env[Any, Any], motion: Motion, name: str, action: Any) -> Held:
    obs, info = guarded_reset(env, seed=0)
    first, total, steps, ended = motion.numbers(obs), 0.0, 0, False
    while steps < _MOST_STEPS and is_legal(env, action):
        obs, reward, ended, truncated, info = guarded_step(env, action)
        total, steps = total + float(reward), steps + 1
        if ended or truncated:
            break
    changes = _largest(motion.numbers(obs) - first, motion.facts)
    scalars = {key: found for key, value in info.items() if (found := _scalar(value)) is not None}
    return Held(name, steps, bool(ended), total, changes, scalars)


def _largest(change: Array, facts: Facts) -> dict[int, float]:
    widths = np.array([one.high - one.low for one in facts.numbers])
    shares = np.divide(np.abs(change), widths, out=np.zeros_like(change), where=widths > 0)
    order = np.argsort(-shares, kind="stable")[:_MOST_CHANGES]
    return {int(at): float(change[at]) for at in order if shares[at] > 0}


def _scalar(value: Any) -> float | None:
    found = numbers(value)
    return float(found.item()) if found is not None and found.size == 1 else None


def _actions(space: gym.Space[Any]) -> Iterator[tuple[str, Any]]:
    """(name, action): the middle, then each part at its ends; or each choice."""
    if isinstance(space, gym.spaces.Discrete):
        start = int(space.start)
        for choice in range(start, start + min(int(space.n), _MOST_ACTIONS)):
            yield f"{choice}", choice
    elif isinstance(space, gym.spaces.Box):
        yield from _ends(space)
    elif isinstance(space, gym.spaces.MultiDiscrete | gym.spaces.MultiBinary):
        yield from _choices_by_part(space)


def _ends(space: gym.spaces.Box) -> Iterator[tuple[str, Any]]:
    low, high = np.maximum(space.low, -1.0), np.minimum(space.high, 1.0)
    bounded = np.isfinite(space.low) & np.isfinite(space.high)
    low, high = np.where(bounded, space.low, low), np.where(bounded, space.high, high)
    middle = np.clip(np.zeros(space.shape), low, high).astype(space.dtype)
    yield "all parts 0, or nearest to it", middle
    for part in range(min(middle.size, _MOST_ACTIONS // 2)):
        for end, name in ((low, "lowest"), (high, "highest")):
            action = middle.copy()
            action.flat[part] = end.flat[part]
            yield f"action[{part}] {name} ({action.flat[part]:.3g}), the others as above", action


def _choices_by_part(
    space: gym.spaces.MultiDiscrete | gym.spaces.MultiBinary,
) -> Iterator[tuple[str, Any]]:
    counts = space.nvec if isinstance(space, gym.spaces.MultiDiscrete) else np.full(space.shape, 2)
    start = np.broadcast_to(getattr(space, "start", 0), counts.shape)
    left = _MOST_ACTIONS
    for part, count in enumerate(counts.ravel()):
        for choice in range(min(int(count), left)):
            action = np.array(start, space.dtype)
            action.flat[part] = int(action.flat[part]) + choice
            yield f"action[{part}] = {action.flat[part]}, the others lowest", action
        left -= int(count)
        if left <= 0:
            return
