"""Ground contact and rest, as true or false.

Gymnasium does not say which leg is which: the first one is on the right.
"""

from typing import Any


def left_leg(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the left leg touches the ground."""
    return bool(obs[7])


def right_leg(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the right leg touches the ground."""
    return bool(obs[6])


def at_rest(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether it is at rest on the ground, according to the simulation."""
    return not env.lander.awake
