"""The yardstick for picking up: a planner on the observations, and a hand-written reward."""

import numpy as np

REACH = 4  # how far the policy sees to each side
BLOCKED, WANTED = range(2)  # the pictures in the observation, see env.py
LEFT, RIGHT, FORWARD, PICK_UP = range(4)
AHEAD = [
    (-1, 0),
    (0, 1),
    (1, 0),
    (0, -1),
]  # row and column; each after a turn to the right, the first one up


def policy(observation: np.ndarray) -> int:
    """Walk the shortest way to a thing that the mission names, and pick it up."""
    pictures = observation.reshape(2, 2 * REACH + 1, 2 * REACH + 1) > 0
    pictures = np.pad(
        pictures, ((0, 0), (1, 1), (1, 1))
    )  # a margin, so that a look ahead stays within
    pictures[BLOCKED, [0, -1]] = pictures[BLOCKED, :, [0, -1]] = True
    return first_action(pictures[BLOCKED], pictures[WANTED])


def first_action(blocked: np.ndarray, target: np.ndarray) -> int:
    """First step of the shortest way to face a target; once there, pick it up."""
    start = (REACH + 1, REACH + 1, 0)  # in the middle, looking up
    reached = {start: PICK_UP}  # state -> the first action of the way there
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
    return LEFT  # shut in by other things


def reward(
    actions_to_target: np.ndarray,
    next_actions_to_target: np.ndarray,
    next_holding_target: np.ndarray,
    next_holding_other: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward each action saved on the way to the wanted thing, and the pick-up."""
    saved = actions_to_target - next_actions_to_target
    return {
        "nearer": 0.1 * saved,
        "right_thing": 2.0 * next_holding_target,
        "wrong_thing": -1.0 * next_holding_other,
        "time": np.full_like(saved, -0.02),
    }
