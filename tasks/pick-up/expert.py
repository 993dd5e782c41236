"""The human yardstick for picking up: a planner on what the policy sees, and a hand-written reward."""

import numpy as np

REACH = 4  # how far the policy sees to each side
WALL, THING, COLOUR, KIND = range(4)  # the pictures in the observation, see env.py
LEFT, RIGHT, FORWARD, PICK_UP = range(4)
AHEAD = [(-1, 0), (0, 1), (1, 0), (0, -1)]  # row and column; each after a turn to the right, the first one up


def policy(observation: np.ndarray) -> int:
    """Walk the shortest way to a thing of the right colour and kind, and pick it up."""
    pictures = observation.reshape(4, 2 * REACH + 1, 2 * REACH + 1) > 0
    pictures = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))  # a margin, so that a look ahead stays within
    pictures[WALL, [0, -1]] = pictures[WALL, :, [0, -1]] = True
    return first_action(pictures[WALL] | pictures[THING], pictures[COLOUR] & pictures[KIND])


def first_action(blocked: np.ndarray, target: np.ndarray) -> int:
    """First step of the shortest way to stand before a target and look at it; once there, pick up."""
    start = (REACH + 1, REACH + 1, 0)  # in the middle, looking up
    reached = {start: PICK_UP}  # state -> the first action of the way there
    waiting = [start]
    for state in waiting:  # grows as it is gone through: breadth first
        row, column, direction = state
        ahead = (row + AHEAD[direction][0], column + AHEAD[direction][1])
        if target[ahead]:
            return reached[state]
        following = {LEFT: (row, column, (direction - 1) % 4), RIGHT: (row, column, (direction + 1) % 4)}
        if not blocked[ahead]:
            following[FORWARD] = (*ahead, direction)
        for action, new in following.items():
            if new not in reached:
                reached[new] = action if state == start else reached[state]
                waiting.append(new)
    return LEFT  # shut in by other things


def reward(
    agent_x: np.ndarray,
    agent_y: np.ndarray,
    direction: np.ndarray,
    target_x: np.ndarray,
    target_y: np.ndarray,
    next_agent_x: np.ndarray,
    next_agent_y: np.ndarray,
    next_direction: np.ndarray,
    next_target_x: np.ndarray,
    next_target_y: np.ndarray,
    next_holding_target: np.ndarray,
    next_holding_other: np.ndarray,
) -> dict[str, np.ndarray]:
    """Pay for each action saved on the way to the wanted thing, and for what is picked up."""
    before = actions_left(agent_x, agent_y, direction, target_x, target_y)
    after = actions_left(next_agent_x, next_agent_y, next_direction, next_target_x, next_target_y)
    return {
        "nearer": 0.1 * (before - after),
        "right_thing": 2.0 * next_holding_target,
        "wrong_thing": -1.0 * next_holding_other,
        "time": np.full_like(after, -0.02),
    }


def actions_left(
    x: np.ndarray, y: np.ndarray, direction: np.ndarray, target_x: np.ndarray, target_y: np.ndarray
) -> np.ndarray:
    """Moves and turns until the thing is right ahead, if nothing is in the way."""
    right, down = target_x - x, target_y - y
    along_row, sign = direction % 2 == 0, np.where(direction < 2, 1, -1)
    ahead = sign * np.where(along_row, right, down)
    aside = np.where(along_row, down, right)
    # Turns count too: else an agent with its back to the thing turns left, right, left for ever.
    turns = np.where(ahead < 0, 2, np.where(aside != 0, 1, 0))
    actions: np.ndarray = np.abs(right) + np.abs(down) + turns
    return actions
