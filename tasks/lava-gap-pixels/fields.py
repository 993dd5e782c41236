"""Where the agent and the gap are. Columns count from the left, rows from the top; 0 is the outer
wall.
"""

from typing import Any


def agent_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the agent."""
    return int(env.agent_pos[0])


def agent_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the agent."""
    return int(env.agent_pos[1])


def direction(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Where the agent looks: 0 right, 1 down, 2 left, 3 up."""
    return int(env.agent_dir)


def gap_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the lava, and of the gap in it."""
    return int(env.gap_pos[0])


def gap_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the gap."""
    return int(env.gap_pos[1])


def lava_ahead(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether a step forward would be into the lava."""
    return _is_lava(env, env.front_pos)


def in_lava(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the agent has stepped into the lava."""
    return _is_lava(env, env.agent_pos)


def _is_lava(env: Any, place: Any) -> bool:
    thing = env.grid.get(*place)
    return thing is not None and thing.type == "lava"
