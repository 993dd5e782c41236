"""The human yardstick for the two rooms: a planner that sees the whole grid, and a hand-written
reward.
"""

import numpy as np

SIZE = 6  # cells along each side, the outer wall among them
REACH = 3  # how far the policy sees to each side
WALL, KEY, CLOSED_DOOR, OPEN_DOOR, GOAL = range(5)  # the pictures in the observation, see env.py
LEFT, RIGHT, FORWARD, PICK_UP, TOGGLE = 0, 1, 2, 3, 5
AHEAD = [
    (-1, 0),
    (0, 1),
    (1, 0),
    (0, -1),
]  # row and column; each after a turn to the right, the first one up


def policy(observation: np.ndarray) -> int:
    """Walk to the key and take it, walk to the door and open it, walk to the goal."""
    pictures = observation[:-1].reshape(5, 2 * REACH + 1, 2 * REACH + 1) > 0
    pictures = np.pad(
        pictures, ((0, 0), (1, 1), (1, 1))
    )  # a margin, so that a look ahead stays within
    pictures[WALL, [0, -1]] = pictures[WALL, :, [0, -1]] = True
    blocked = pictures[WALL] | pictures[KEY] | pictures[CLOSED_DOOR]
    if not pictures[CLOSED_DOOR].any():
        return first_action(blocked, pictures[GOAL], FORWARD)
    if pictures[KEY].any():
        return first_action(blocked, pictures[KEY], PICK_UP)
    return first_action(blocked, pictures[CLOSED_DOOR], TOGGLE)


def first_action(blocked: np.ndarray, target: np.ndarray, then: int) -> int:
    """First step of the shortest way to stand before a target and look at it; once there, the
    action `then`.
    """
    start = (REACH + 1, REACH + 1, 0)  # in the middle, looking up
    reached = {start: then}  # state -> the first action of the way there
    waiting = [start]
    for state in waiting:  # grows as it is gone through: breadth first
        row, column, direction = state
        ahead = (row + AHEAD[direction][0], column + AHEAD[direction][1])
        if target[ahead]:
            return reached[state]
        following = {
            LEFT: (row, column, (direction - 1) % 4),
            RIGHT: (row, column, (direction + 1) % 4),
        }
        if not blocked[ahead]:
            following[FORWARD] = (*ahead, direction)
        for action, new in following.items():
            if new not in reached:
                reached[new] = action if state == start else reached[state]
                waiting.append(new)
    return then


def reward(
    agent_x: np.ndarray,
    agent_y: np.ndarray,
    key_x: np.ndarray,
    key_y: np.ndarray,
    carrying_key: np.ndarray,
    door_x: np.ndarray,
    door_y: np.ndarray,
    door_open: np.ndarray,
    next_agent_x: np.ndarray,
    next_agent_y: np.ndarray,
    next_key_x: np.ndarray,
    next_key_y: np.ndarray,
    next_carrying_key: np.ndarray,
    next_door_open: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward progress, so that undoing a step costs as much as it gave; and the goal."""
    before = progress(agent_x, agent_y, key_x, key_y, carrying_key, door_x, door_y, door_open)
    after = progress(
        next_agent_x,
        next_agent_y,
        next_key_x,
        next_key_y,
        next_carrying_key,
        door_x,
        door_y,
        next_door_open,
    )
    return {
        "progress": after - before,
        "goal": 2.0 * terminated,
        "time": np.full_like(after, -0.01),
    }


def progress(
    agent_x: np.ndarray,
    agent_y: np.ndarray,
    key_x: np.ndarray,
    key_y: np.ndarray,
    carrying_key: np.ndarray,
    door_x: np.ndarray,
    door_y: np.ndarray,
    door_open: np.ndarray,
) -> np.ndarray:
    """Progress: 1 for the key, 1 more for the open door, and nearness to what comes next."""
    to_key = np.abs(key_x - agent_x) + np.abs(key_y - agent_y)
    to_door = np.abs(door_x - agent_x) + np.abs(door_y - agent_y)
    goal = SIZE - 2
    door_to_goal = (goal - door_x) + np.abs(goal - door_y)
    # On the near side of the wall the way to the goal leads through the door.
    to_goal = np.where(
        agent_x < door_x, to_door + door_to_goal, (goal - agent_x) + np.abs(goal - agent_y)
    )
    done: np.ndarray = np.select(
        [door_open, carrying_key], [2.0 - 0.1 * to_goal, 1.0 - 0.1 * to_door], -0.1 * to_key
    )
    return done
