"""Where the agent and the two things of the mission are. Columns count from the left, rows from the
top; 0 is wall.
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


def moved_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the thing to be moved, the agent's while it is held."""
    return _place(env, env.instrs.desc_move)[0]


def moved_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the thing to be moved, the agent's while it is held."""
    return _place(env, env.instrs.desc_move)[1]


def fixed_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the thing that it is to be put next to, the agent's while that is held."""
    return _place(env, env.instrs.desc_fixed)[0]


def fixed_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the thing that it is to be put next to, the agent's while that is held."""
    return _place(env, env.instrs.desc_fixed)[1]


def holding_moved(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the agent holds the thing to be moved."""
    return env.carrying is not None and env.carrying is _thing(env.instrs.desc_move)


def holding_other(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the agent holds another thing."""
    return env.carrying is not None and env.carrying is not _thing(env.instrs.desc_move)


def holding(env: Any, obs: Any, info: dict[str, Any]) -> str:
    """Colour and kind of what the agent holds; empty where it holds nothing."""
    return _name(env.carrying)


def facing(env: Any, obs: Any, info: dict[str, Any]) -> str:
    """Colour and kind of the thing right ahead; empty where there is none."""
    thing = env.grid.get(*env.front_pos)
    return _name(thing) if thing is not None and thing.can_pickup() else ""


def _thing(description: Any) -> Any:
    """The only thing that a phrase of the mission fits: colours and kinds come once in a room."""
    return description.obj_set[0]


def _place(env: Any, description: Any) -> tuple[int, int]:
    thing = _thing(description)
    x, y = env.agent_pos if thing is env.carrying else thing.cur_pos
    return int(x), int(y)


def _name(thing: Any) -> str:
    return "" if thing is None else f"{thing.color} {thing.type}"
