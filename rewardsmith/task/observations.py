"""Observation spaces: what programs can read, what a policy can see, and whether values fit."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.task.training import Policy, TrainingSpec
from rewardsmith.task.values import numbers

FLATTEN = "gymnasium.wrappers:FlattenObservation"
PLAIN = (gym.spaces.Box, gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)
LONGEST_VECTOR = 10_000  # numbers of a vector that programs may read
_LARGEST_ARRAY = 1023  # ... and of an array of several dimensions: more are a picture or a map
_CNN_FROM = 36  # pixels of the shorter side from which the convolutions of CnnPolicy fit


def readable(shape: tuple[int, ...]) -> bool:
    """Whether programs may read an array of this shape: it is no picture, and not too large."""
    return math.prod(shape) <= (LONGEST_VECTOR if len(shape) < 2 else _LARGEST_ARRAY)


def is_plain(space: gym.Space[Any]) -> bool:
    """Whether it is one array that programs may read."""
    return isinstance(space, PLAIN) and readable(tuple(space.shape or ()))


def key_of(source: str, key: str | int) -> str:
    """The source of a part of a Dict or a Tuple, e.g. ``obs["speed"]`` or ``obs[1]``."""
    return f"{source}[{json.dumps(key, ensure_ascii=False)}]"


def source_of(keys: Iterable[str | int]) -> str:
    """The source of the part of an observation that keys and places lead to."""
    return functools.reduce(key_of, keys, "obs")


def leaves(
    space: gym.Space[Any], keys: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], gym.Space[Any]]]:
    """(keys, space) of every part of a space that is neither a Dict nor a Tuple."""
    if isinstance(space, gym.spaces.Dict):
        for key, inner in space.spaces.items():
            yield from leaves(inner, (*keys, key))
    elif isinstance(space, gym.spaces.Tuple):
        for place, inner in enumerate(space.spaces):
            yield from leaves(inner, (*keys, place))
    else:
        yield keys, space


def fits_convolutions(space: gym.Space[Any]) -> bool:
    """Whether it is a picture that the convolutions of Stable-Baselines3 can take."""
    return is_picture(space) and _is_large(space)


def _is_large(space: gym.Space[Any]) -> bool:
    return sorted(space.shape or ())[1] >= _CNN_FROM


def is_picture(space: gym.Space[Any]) -> bool:
    """Whether Stable-Baselines3 takes it as a picture."""
    if not (isinstance(space, gym.spaces.Box) and len(space.shape) == 3):
        return False
    full = bool((space.low == 0).all() and (space.high == 255).all())
    return space.dtype == np.uint8 and full


def unseen(space: gym.Space[Any]) -> str | None:
    """Why Stable-Baselines3 cannot show a space to any policy; None if it can."""
    if isinstance(space, gym.spaces.Tuple):
        return "it is a Tuple"
    inner = space.spaces.values() if isinstance(space, gym.spaces.Dict) else ()
    if any(isinstance(one, gym.spaces.Dict | gym.spaces.Tuple) for one in inner):
        return "it is nested"
    problems = ((keys, _unseen_leaf(leaf)) for keys, leaf in leaves(space))
    return next((f"{source_of(keys)} {problem}" for keys, problem in problems if problem), None)


def _unseen_leaf(space: gym.Space[Any]) -> str | None:
    if not isinstance(space, PLAIN):
        return f"is a {type(space).__name__}"
    if np.any(getattr(space, "start", 0)):
        return f"is a {type(space).__name__} that does not start at 0"
    if isinstance(space, gym.spaces.MultiDiscrete) and len(space.shape) > 1:
        return f"is a MultiDiscrete of {len(space.shape)} dimensions"
    return None


def flattens(space: gym.Space[Any]) -> bool:
    """Whether Gymnasium's FlattenObservation makes one array of it."""
    try:
        return isinstance(gym.spaces.flatten_space(space), gym.spaces.Box)
    except NotImplementedError:
        return False


def check_observations(space: gym.Space[Any], env_id: str) -> None:
    """Refuse an observation that no policy of Stable-Baselines3 can see.

    Args:
        space: of the environment with the task's wrappers.

    Raises:
        UsageError: with the wrapper that fixes it.
    """
    problem = unseen(space)
    if problem is None:
        return
    hint = (
        f'set [env] wrappers = ["{FLATTEN}"] and policy = "MlpPolicy"'
        if flattens(space)
        else "set [env] wrappers to a gymnasium.ObservationWrapper of your own, "
        "which turns it into numbers or leaves it out"
    )
    raise UsageError(
        f"Stable-Baselines3 cannot show the observation of {env_id} to a policy: {problem}",
        f"{hint}; fields are read below the wrapper",
    )


def small_picture(space: gym.Space[Any]) -> str | None:
    """The source of a picture in a Dict that is too small for the convolutions of its policy."""
    if not isinstance(space, gym.spaces.Dict):
        return None
    found = (keys for keys, leaf in leaves(space) if is_picture(leaf) and not _is_large(leaf))
    return next(map(source_of, found), None)


def check_policy(space: gym.Space[Any], training: TrainingSpec, env_id: str) -> None:
    """Refuse a kind of policy that does not fit the observation.

    Raises:
        UsageError: with the kind, or the wrapper, that fits.
    """
    settings = training.hyperparameters.get("policy_kwargs", {})
    if {"features_extractor_class", "normalize_images"} & set(settings):
        return  # of the user's own
    policy, kind = training.policy, type(space).__name__
    if isinstance(space, gym.spaces.Dict) != (policy == "MultiInputPolicy"):
        problem, setting = f"a {kind}", f'policy = "{fitting_policy(space)}"'
    elif policy == "CnnPolicy" and not fits_convolutions(space):
        problem = f"no picture of at least {_CNN_FROM} x {_CNN_FROM}"
        setting = 'policy = "MlpPolicy"'
    elif source := small_picture(space):
        problem = f"{source} is a picture of less than {_CNN_FROM} x {_CNN_FROM}"
        setting = f'policy = "MlpPolicy" and [env] wrappers = ["{FLATTEN}"]'
    else:
        return
    raise UsageError(
        f"{policy} does not fit the observation of {env_id}: {problem}", f"set {setting}"
    )


def fitting_policy(space: gym.Space[Any]) -> Policy:
    """The kind of policy for an observation."""
    if isinstance(space, gym.spaces.Dict):
        return "MultiInputPolicy"
    return "CnnPolicy" if fits_convolutions(space) else "MlpPolicy"


def wrappers_for(space: gym.Space[Any], env_id: str) -> tuple[str, ...]:
    """The wrappers that let a policy see an observation; none where it can, or none is known.

    Raises:
        UsageError: no part of it can be seen, and no wrapper is known.
    """
    if unseen(space) is None and small_picture(space) is None:
        return ()
    if flattens(space):
        return (FLATTEN,)
    if not any(isinstance(leaf, PLAIN) for _, leaf in leaves(space)):
        check_observations(space, env_id)
    return ()


def misfit(space: gym.Space[Any], value: Any, source: str = "obs") -> str | None:
    """How an observation differs from its space, in words; None if it fits.

    Texts, graphs and sequences are not looked at. An array of one fits a single number.
    """
    if isinstance(space, gym.spaces.Dict):
        if not isinstance(value, dict):
            return f"{source} is a {type(value).__name__}, the space says Dict"
        absent = [key for key in space.spaces if key not in value]
        if absent:
            return f"{source} has no key {absent[0]!r}, which the space names"
        pairs = ((inner, value[key], key_of(source, key)) for key, inner in space.spaces.items())
        return next(filter(None, (misfit(*pair) for pair in pairs)), None)
    if isinstance(space, gym.spaces.Tuple):
        if not isinstance(value, tuple | list) or len(value) != len(space.spaces):
            return f"{source} is {value!r}, the space says Tuple of {len(space.spaces)}"
        parts = enumerate(zip(space.spaces, value, strict=True))
        checked = (misfit(*pair, f"{source}[{place}]") for place, pair in parts)
        return next(filter(None, checked), None)
    return _misfit_leaf(space, value, source) if isinstance(space, PLAIN) else None


def _misfit_leaf(space: gym.Space[Any], value: Any, source: str) -> str | None:
    array = value if isinstance(value, np.ndarray) else numbers(value)
    if array is None or array.dtype.kind not in "biuf":
        return f"{source} is {value!r}, expected numbers"
    shape = tuple(space.shape or ())
    if array.shape != shape and not (array.size == 1 == math.prod(shape)):
        return f"{source} has the shape {array.shape}, its space says {shape}"
    whole = np.dtype(space.dtype).kind in "iu"
    if whole and array.dtype.kind == "f" and (array != np.round(array)).any():
        return f"{source} has fractions, its space says {space.dtype}: they would be cut off"
    if isinstance(space, gym.spaces.Discrete) and not 0 <= array.item() - space.start < space.n:
        return f"{source} is {array.item()}, its space says {space}"
    return None
