"""Places of the things in the two rooms. Columns count from the left, rows from the top; 0 is the
outer wall.
"""

from typing import Any

from minigrid.core.world_object import Door, Key


def agent_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the agent."""
    return int(env.agent_pos[0])


def agent_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the agent."""
    return int(env.agent_pos[1])


def direction(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Where the agent looks: 0 right, 1 down, 2 left, 3 up."""
    return int(env.agent_dir)


def key_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the key, the agent's while it is carried."""
    return _key(env)[0]


def key_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the key, the agent's while it is carried."""
    return _key(env)[1]


def carrying_key(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the agent carries the key."""
    return env.carrying is not None


def holding(env: Any, obs: Any, info: dict[str, Any]) -> str:
    """What the agent carries, in the mission's word."""
    return "key" if env.carrying is not None else ""


def opened(env: Any, obs: Any, info: dict[str, Any]) -> str:
    """What stands open, in the mission's word."""
    return "door" if door_open(env, obs, info) else ""


def door_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the door, and of the wall between the rooms."""
    return _place(env, Door)[0]


def door_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the door."""
    return _place(env, Door)[1]


def door_open(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the door stands open."""
    return bool(env.grid.get(*_place(env, Door)).is_open)


def _key(env: Any) -> tuple[int, int]:
    return (agent_x(env, None, {}), agent_y(env, None, {})) if env.carrying else _place(env, Key)


def _place(env: Any, kind: type) -> tuple[int, int]:
    """Where the only thing of a kind stands."""
    number = next(number for number, thing in enumerate(env.grid.grid) if isinstance(thing, kind))
    return number % env.width, number // env.width
