"""What random steps show of the numbers of a flat observation: their range, and what moves them.

It describes, for the user who names these numbers; no program and no request depends on it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from rewardsmith.maths.association import explained_by_groups, explained_by_number
from rewardsmith.types import Array

MOST_LISTED = 64  # numbers of an observation
_LEAST_SHARE = 0.02  # of the variance of a number that an action explains if it moves it
_LEAST_STEPS = 20


class _Step(NamedTuple):
    """The observation before a step, the action, and the observation after it; numbers."""

    before: Array
    action: Array
    after: Array


class Motion:
    """The steps of an environment whose observation is a flat vector of at most 64 numbers.

    Attributes:
        size: of the observation; 0 if it is no such vector, and then nothing is recorded.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        space = env.observation_space
        flat = isinstance(space, gym.spaces.Box) and len(space.shape) == 1
        size = int(space.shape[0]) if isinstance(space, gym.spaces.Box) and flat else 0
        self.size = size if size <= MOST_LISTED else 0
        self._discrete = isinstance(env.action_space, gym.spaces.Discrete)
        self._steps: list[_Step] = []

    def see(self, before: Any, action: Any, after: Any) -> None:
        """Take in a step within an episode."""
        if self.size:
            rows = (np.array(row, np.float64).ravel() for row in (before, action, after))
            self._steps.append(_Step(*rows))

    def described(self) -> list[str]:
        """A sentence on each number; empty if nothing was recorded."""
        if not self._steps:
            return []
        before, actions, after = (np.stack(rows) for rows in zip(*self._steps, strict=True))
        return [
            self._described(before[:, part], actions, after[:, part]) for part in range(self.size)
        ]

    def _described(self, before: Array, actions: Array, after: Array) -> str:
        seen = after[np.isfinite(before) & np.isfinite(after)]
        if len(seen) < len(after):
            return f"NaN or infinite in some of {len(after)} random steps"
        low, high = float(min(before.min(), after.min())), float(max(before.max(), after.max()))
        if low == high:
            return f"constant: {low:.3g} in {len(after)} random steps"
        measured = f"{low:.3g} to {high:.3g} in {len(after)} random steps"
        moving = "; ".join(self._moving(before, actions, after))
        return f"{measured}; {moving or 'no action was seen to move it within a step'}"

    def _moving(self, before: Array, actions: Array, after: Array) -> list[str]:
        """What moves a number: its change in a step, or its value after it, depends on it."""
        if len(after) < _LEAST_STEPS:
            return []
        if self._discrete:
            return _moving_choices(before, actions[:, 0].astype(int), after)
        change = after - before
        shares = [
            max(explained_by_number(change, part), explained_by_number(after, part))
            for part in actions.T
        ]
        parts = [part for part, share in enumerate(shares) if share > _least(1, len(after))]
        return ["moved by " + ", ".join(f"action[{part}]" for part in parts)] if parts else []


def _moving_choices(before: Array, chosen: Array, after: Array) -> list[str]:
    """Of a discrete action: which choices change a number the most."""
    change, choices = after - before, np.unique(chosen)
    share = max(explained_by_groups(of, chosen) for of in (change, after))
    if share <= _least(len(choices), len(after)):
        return []
    means = {int(choice): float(change[chosen == choice].mean()) for choice in choices}
    lowest, highest = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    return [f"moved by the action: down most by {lowest}, up most by {highest}"]


def _least(groups: int, steps: int) -> float:
    """Well above what chance explains in so many steps."""
    return max(_LEAST_SHARE, 6 * groups / steps)
