"""Records how the numbers of an observation move in random steps, and describes it in words.

It describes, for the user or the model who names these numbers; no program depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.task.facts import Facts, NumberFacts, Steps, facts_in
from rewardsmith.task.observations import PLAIN, leaves, source_of
from rewardsmith.types import FloatArray

MOST_NUMBERS = 400  # of an observation


class Motion:
    """The steps of an environment, as numbers.

    Vectors and single numbers are recorded, those in a Dict or a Tuple too; no pictures, and not
    more than 400 numbers.

    Attributes:
        sources: of the recorded numbers, as fields name them.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._leaves: list[tuple[str | int, ...]] = []
        self.sources: list[str] = []
        for keys, leaf in leaves(env.observation_space):
            found = list(_sources(keys, leaf))
            if found and len(self.sources) + len(found) <= MOST_NUMBERS:
                self._leaves.append(keys)
                self.sources += found
        self._discrete = isinstance(env.action_space, gym.spaces.Discrete)
        self._starts: list[FloatArray] = []
        self._before: list[FloatArray] = []
        self._actions: list[FloatArray] = []
        self._after: list[FloatArray] = []

    def begin(self, obs: Any) -> None:
        """Take in the observation after a reset."""
        self._starts.append(self.numbers(obs))

    def see(self, before: Any, action: Any, after: Any) -> None:
        """Take in a step within an episode."""
        self._before.append(self.numbers(before))
        self._actions.append(np.array(action, np.float64).ravel())
        self._after.append(self.numbers(after))

    def numbers(self, obs: Any) -> FloatArray:
        """The recorded numbers of an observation, shape (d,)."""
        parts = [np.ravel(_part(obs, keys)) for keys in self._leaves]
        return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)

    @cached_property
    def steps(self) -> Steps:
        """All steps that were taken in."""
        before, actions, after = map(np.stack, (self._before, self._actions, self._after))
        return Steps(before, actions, after, np.stack(self._starts), self._discrete)

    @cached_property
    def facts(self) -> Facts:
        """What the steps show; of no numbers if none are recorded."""
        return facts_in(self.steps) if self.sources and self._after else Facts((), (), 0)

    def described(self) -> dict[str, str]:
        """Source of a number -> what was seen of it, in words."""
        if not self.facts.numbers:
            return {}
        numbers = zip(self.sources, self.facts.numbers, strict=True)
        found = {
            source: _described(one, self.sources, self.facts.steps, self._discrete)
            for source, one in numbers
        }
        for places in self.facts.units:
            names = [self.sources[at] for at in places]
            found[names[0]] += f"; {', '.join(names)} together have length one"
        return found


def _part(obs: Any, keys: tuple[str | int, ...]) -> Any:
    for key in keys:
        obs = obs[key]
    return obs


def _sources(keys: tuple[str | int, ...], leaf: gym.Space[Any]) -> Iterator[str]:
    """The sources of the numbers of a part of the observation; none of pictures and texts."""
    shape, source = tuple(leaf.shape or ()), source_of(keys)
    if isinstance(leaf, PLAIN) and not shape:
        yield source
    elif isinstance(leaf, PLAIN) and len(shape) == 1:
        yield from (f"{source}[{at}]" for at in range(shape[0]))


def _described(one: NumberFacts, sources: list[str], steps: int, discrete: bool) -> str:
    if one.kind == "broken":
        return f"NaN or infinite in some of {steps} random steps"
    if one.kind == "constant":
        return f"constant: {one.low:.3g} in {steps} random steps"
    said = [f"{one.low:.3g} to {one.high:.3g} in {steps} random steps"]
    said += [_KINDS[one.kind]] if one.kind in _KINDS else []
    if one.kind == "fixed":
        return "; ".join(said)
    if one.same_as is not None:
        return "; ".join([*said, f"always equal to {sources[one.same_as]}"])
    if one.rate_of is not None:
        said.append(f"explains {one.rate_share:.0%} of the changes of {sources[one.rate_of]}")
    return "; ".join([*said, _moved(one, discrete)])


_KINDS = {
    "flag": "0 or 1 only",
    "fixed": "set by a reset, constant within an episode",
    "counter": "changes by the same amount in every step",
    "angle": "an angle in radians, which jumps by a whole turn",
}


def _moved(one: NumberFacts, discrete: bool) -> str:
    if not one.moved_by:
        return "no action was seen to move it within a step"
    if discrete:
        down, up = one.moved_by
        return f"moved by the action: down most by {down}, up most by {up}"
    return "moved by " + ", ".join(f"action[{part}]" for part in one.moved_by)
