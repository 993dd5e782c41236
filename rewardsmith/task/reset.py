"""Resets of any signature: an environment may leave out ``seed``, ``options``, or both.

Gymnasium's wrappers pass both to the layer below them. A layer that does not take them all is given
a ``reset`` that takes them and passes on those that its own takes.
"""

from __future__ import annotations

import inspect
from types import MethodType
from typing import Any

import gymnasium as gym

_PARAMETERS = ("seed", "options")


def fit_reset(env: gym.Env[Any, Any]) -> None:
    """Let every layer of an environment be reset with ``seed`` and ``options``."""
    layer = env
    while isinstance(layer, gym.Env):
        if len(_taken(type(layer).reset)) < len(_PARAMETERS):
            layer.reset = MethodType(_fitted, layer)  # type: ignore[method-assign]
        if not isinstance(layer, gym.Wrapper):
            return
        layer = layer.env


def _taken(reset: Any) -> set[str]:
    """Those of our parameters that a ``reset`` takes by name."""
    try:
        parameters = inspect.signature(reset).parameters.values()
    except ValueError:  # it is not written in Python
        return set(_PARAMETERS)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return set(_PARAMETERS)
    named = {one.name for one in parameters if one.kind is not one.POSITIONAL_ONLY}
    return named & set(_PARAMETERS)


def _fitted(
    layer: gym.Env[Any, Any], *, seed: int | None = None, options: dict[str, Any] | None = None
) -> Any:
    given: dict[str, Any] = {"seed": seed, "options": options}
    taken = _taken(type(layer).reset)
    if seed is not None and "seed" not in taken and not isinstance(layer, gym.Wrapper):
        _seed(layer, seed)
    return type(layer).reset(layer, **{name: given[name] for name in taken})


def _seed(env: gym.Env[Any, Any], seed: int) -> None:
    """Seed an environment whose ``reset`` takes no seed, as far as it can be."""
    env.np_random = gym.utils.seeding.np_random(seed)[0]
    by_hand = getattr(env, "seed", None)  # of Gym before version 0.26
    if callable(by_hand):
        by_hand(seed)
