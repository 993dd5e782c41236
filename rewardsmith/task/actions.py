"""Random actions, without those that the environment calls illegal in its present state.

An environment says which actions are legal in a method ``action_masks``, as sb3-contrib's
MaskablePPO reads it: for Discrete one flag for each action, for MultiDiscrete and MultiBinary the
flags of all components in a row.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rewardsmith.errors import boundary
from rewardsmith.types import Array

METHOD = "action_masks"


def says_what_is_legal(env: gym.Env[Any, Any]) -> bool:
    """Whether an environment, or a wrapper of it, has the method."""
    return env.has_wrapper_attr(METHOD)


def action_masks(env: gym.Env[Any, Any]) -> Array | None:
    """Which actions are legal now, after a reset; None if the environment does not say."""
    if not says_what_is_legal(env):
        return None
    with boundary("environment", f"calling {METHOD}()"):
        return np.asarray(env.get_wrapper_attr(METHOD)(), bool).ravel()


def own_action_space(env: gym.Env[Any, Any], seed: int) -> spaces.Space[Any]:
    """A copy of the action space, whose random numbers no reset of the environment changes.

    Some environments seed their action space at each reset: all random episodes would be the same.
    """
    space = deepcopy(env.action_space)
    space.seed(seed)
    return space


def random_action(env: gym.Env[Any, Any], space: spaces.Space[Any] | None = None) -> Any:
    """A random action that is legal now.

    Args:
        space: the action space whose random numbers are used; by default the environment's own.
    """
    masks, space = action_masks(env), space or env.action_space
    if masks is None:
        return space.sample()
    with boundary("environment", "sampling a legal action", f"{METHOD}() must fit {space}"):
        return space.sample(mask=_gymnasium_mask(masks, space))


def is_legal(env: gym.Env[Any, Any], action: Any) -> bool:
    """Whether an action is legal now, as far as the environment says."""
    masks, space = action_masks(env), env.action_space
    if masks is None or isinstance(space, spaces.Box):
        return True
    places = np.ravel(action) - np.ravel(getattr(space, "start", 0))
    return bool(masks[places.astype(int) + _starts(space)].all())


def _gymnasium_mask(masks: Array, space: spaces.Space[Any]) -> Any:
    """The flags in the form that the space's own ``sample`` takes."""
    flags = masks.astype(np.int8)
    if isinstance(space, spaces.MultiDiscrete):
        return tuple(np.split(flags, np.cumsum(space.nvec.ravel())[:-1]))
    if isinstance(space, spaces.MultiBinary):
        off, on = flags.reshape(-1, 2).T
        return np.where(on, np.where(off, 2, 1), 0).astype(np.int8).reshape(space.shape)
    return flags


def _starts(space: spaces.Space[Any]) -> Array:
    """Where the flags of each component begin."""
    if isinstance(space, spaces.MultiDiscrete):
        return np.concatenate([[0], np.cumsum(space.nvec.ravel())[:-1]])
    if isinstance(space, spaces.MultiBinary):
        return 2 * np.arange(int(np.prod(space.shape)))
    return np.zeros(1, int)
