"""Where the agent and the wanted thing are. Columns count from the left, rows from the top; 0 is
the outer wall.
"""

from typing import Any

AHEAD = [(1, 0), (0, 1), (-1, 0), (0, -1)]  # by direction: right, down, left, up
SHUT_OFF = 25


def agent_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the agent."""
    return int(env.agent_pos[0])


def agent_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the agent."""
    return int(env.agent_pos[1])


def direction(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Where the agent looks: 0 right, 1 down, 2 left, 3 up."""
    return int(env.agent_dir)


def target_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Column of the wanted thing that is nearest."""
    return _target(env)[0]


def target_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Row of the wanted thing that is nearest."""
    return _target(env)[1]


def actions_to_target(env: Any, obs: Any, info: dict[str, Any]) -> int:
    """Moves and turns until a wanted thing lies right ahead, around everything else; SHUT_OFF if
    there is no way.
    """
    if holding_target(env, obs, info):
        return 0
    front, seen, actions = (
        {(agent_x(env, obs, info), agent_y(env, obs, info), env.agent_dir)},
        set[Any](),
        0,
    )
    while front:
        following = set()
        for x, y, facing in front:
            ahead = (x + AHEAD[facing][0], y + AHEAD[facing][1])
            thing = env.grid.get(*ahead)
            if thing is None:
                following.add((*ahead, facing))
            elif _is_wanted(env, thing):
                return min(actions, SHUT_OFF)
            following |= {(x, y, (facing + 1) % 4), (x, y, (facing - 1) % 4)}
        seen |= front
        front, actions = following - seen, actions + 1
    return SHUT_OFF


def facing_target(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether a wanted thing lies right ahead."""
    return _is_wanted(env, _ahead(env))


def facing_other(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether a thing that is not wanted lies right ahead."""
    thing = _ahead(env)
    return thing is not None and thing.can_pickup() and not _is_wanted(env, thing)


def holding_target(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the agent has picked up a wanted thing."""
    return _is_wanted(env, env.carrying)


def holding_other(env: Any, obs: Any, info: dict[str, Any]) -> bool:
    """Whether the agent has picked up a thing that is not wanted."""
    return env.carrying is not None and not _is_wanted(env, env.carrying)


def facing(env: Any, obs: Any, info: dict[str, Any]) -> str:
    """Colour and kind of the thing right ahead; empty where there is none."""
    thing = _ahead(env)
    return _name(thing) if thing is not None and thing.can_pickup() else ""


def holding(env: Any, obs: Any, info: dict[str, Any]) -> str:
    """Colour and kind of what the agent holds; empty where it holds nothing."""
    return _name(env.carrying)


def _name(thing: Any) -> str:
    return "" if thing is None else f"{thing.color} {thing.type}"


def _target(env: Any) -> tuple[int, int]:
    """Cell of the nearest wanted thing, in steps across the grid; the agent's own cell while it is
    held.
    """
    x, y = agent_x(env, None, {}), agent_y(env, None, {})
    if holding_target(env, None, {}):
        return x, y
    things = [thing for thing in env.instrs.desc.obj_set if thing.can_pickup()]
    places = [(int(thing.cur_pos[0]), int(thing.cur_pos[1])) for thing in things]
    return min(places, key=lambda place: abs(place[0] - x) + abs(place[1] - y))


def _ahead(env: Any) -> Any:
    return env.grid.get(*env.front_pos)


def _is_wanted(env: Any, thing: Any) -> bool:
    """Whether a thing is on the environment's own list of what fits the mission; grey walls are on
    it for "grey".
    """
    return (
        thing is not None
        and thing.can_pickup()
        and any(thing is wanted for wanted in env.instrs.desc.obj_set)
    )
