"""Numbers that are not finite: NaN and infinity, where they are and what stands in their place.

A sensor without a reading is often NaN. No policy can be trained on it, and a program that reads
it would be blamed for the NaN that it returns: so the ``nan_policy`` of a task decides.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from rewardsmith.errors import BoundaryError
from rewardsmith.task.layout import Layout
from rewardsmith.task.observations import misfit, source_of
from rewardsmith.types import Array

NAN_HINT = (
    'fix the environment, or set [env] nan_policy to "zero" or "last", '
    "which put 0 or the last finite value in its place"
)


class UsableObservations:
    """Refuses observations that do not fit their space, and replaces what is not finite.

    Args:
        space: of the observations of one environment.
        layout: with the policy, and the names of fields for the message.
    """

    def __init__(self, space: gym.Space[Any], layout: Layout) -> None:
        self._space, self._layout, self._policy = space, layout, layout.nan_policy
        self._last: Any = None
        plain = isinstance(space, gym.spaces.Box) and np.dtype(space.dtype).kind == "f"
        self._form = (space.shape, "f") if plain and layout.nan_policy != "last" else None

    def first(self, obs: Any) -> Any:
        """The first observation of an episode."""
        self._last = None
        return self.next(obs, 0)

    def next(self, obs: Any, steps: int) -> Any:
        """A later one, after some steps of the episode.

        Raises:
            BoundaryError: it does not fit its space; or it is not finite, and the policy refuses.
        """
        if type(obs) is np.ndarray and (obs.shape, obs.dtype.kind) == self._form and is_finite(obs):
            return obs  # almost always
        refuse_misfit(self._space, obs, when(steps))
        if self._policy == "last":
            self._last = filled(obs, self._last)
            return self._last
        found = not_finite(obs)
        if found is None:
            return obs
        if self._policy == "zero":
            return filled(obs)
        names = self._layout.fields_at(found.keys, found.place)
        named = f" (field {names[0]!r})" if names else ""
        raise BoundaryError(
            f"{found.source}{named} is {found.value} {when(steps)}", NAN_HINT, where="environment"
        )


def when(steps: int) -> str:
    """A place in an episode, for messages."""
    return f"after step {steps} of an episode" if steps else "after a reset"


def is_finite(array: Array) -> bool:
    """Whether all numbers are finite; the sum of squares shows it faster than each number."""
    return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())


def refuse_misfit(space: gym.Space[Any], obs: Any, when: str) -> None:
    """Refuse an observation that differs from its space.

    Raises:
        BoundaryError: with the difference.
    """
    if problem := misfit(space, obs):
        raise BoundaryError(
            f"{problem} ({when})",
            "observation_space and the observations of the environment must agree",
            where="environment",
        )


class NotFinite(NamedTuple):
    """A number of an observation that is NaN or infinite.

    Attributes:
        keys: keys of Dicts and places in Tuples that lead to its array.
        place: its place in the array.
    """

    keys: tuple[str | int, ...]
    place: tuple[int, ...]
    value: float

    @property
    def source(self) -> str:
        """As the source of a field, e.g. ``obs["scan"][3]``."""
        array = source_of(self.keys)
        return f"{array}[{', '.join(map(str, self.place))}]" if self.place else array


def not_finite(value: Any, keys: tuple[str | int, ...] = ()) -> NotFinite | None:
    """The first number of an observation that is not finite."""
    if isinstance(value, dict):
        found = (not_finite(inner, (*keys, key)) for key, inner in value.items())
        return next(filter(None, found), None)
    if type(value) is tuple:
        found = (not_finite(inner, (*keys, place)) for place, inner in enumerate(value))
        return next(filter(None, found), None)
    if not _is_fractional(value) or is_finite(np.asarray(value)):
        return None
    array = np.asarray(value)
    place = tuple(int(at) for at in np.argwhere(~np.isfinite(array))[0])
    return NotFinite(keys, place, float(array[place]))


def filled(value: Any, last: Any = None) -> Any:
    """An observation with the numbers of ``last``, or 0, in the place of those not finite.

    Args:
        last: an observation of the same structure; None for 0.
    """
    if isinstance(value, dict):
        return {key: filled(inner, last and last[key]) for key, inner in value.items()}
    if type(value) is tuple:
        return tuple(filled(inner, last and last[place]) for place, inner in enumerate(value))
    if not _is_fractional(value):
        return value
    return finite(np.asarray(value), 0 if last is None else last)


def finite(array: Array, other: Any) -> Array:
    """A new array with the values of ``other`` in the place of those not finite."""
    return np.where(np.isfinite(array), array, other).astype(array.dtype)


def _is_fractional(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind == "f"
    is_list = isinstance(value, list)
    return isinstance(value, float) or (is_list and np.asarray(value).dtype.kind == "f")
