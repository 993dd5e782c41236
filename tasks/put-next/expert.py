"""The human yardstick for putting one thing next to another: a planner on what the policy sees, and
a reward.
"""

import numpy as np

REACH = 3  # how far the policy sees to each side
BLOCKED, MOVED, FIXED = range(3)  # the pictures in the observation, see env.py
LEFT, RIGHT, FORWARD, PICK_UP, DROP = range(5)
AHEAD = [
    (-1, 0),
    (0, 1),
    (1, 0),
    (0, -1),
]  # row and column; each after a turn to the right, the first one up


def policy(observation: np.ndarray) -> int:
    """Fetch the thing, stand before a free cell beside the other one, and put it down there."""
    pictures = observation[:-2].reshape(3, 2 * REACH + 1, 2 * REACH + 1) > 0
    pictures = np.pad(
        pictures, ((0, 0), (1, 1), (1, 1))
    )  # a margin, so that a look ahead stays within
    pictures[BLOCKED, [0, -1]] = pictures[BLOCKED, :, [0, -1]] = True
    holds_moved, holds_other = observation[-2:] > 0
    blocked = pictures[BLOCKED]
    if holds_moved:
        return first_action(blocked, beside(pictures[FIXED]) & ~blocked, DROP)
    if holds_other:
        return first_action(blocked, ~blocked, DROP)
    return first_action(blocked, pictures[MOVED], PICK_UP)


def beside(picture: np.ndarray) -> np.ndarray:
    """The cells next to those of a picture."""
    found: np.ndarray = np.zeros_like(picture)
    for axis in (0, 1):
        for step in (-1, 1):
            found |= np.roll(picture, step, axis)
    return found


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
    return LEFT  # shut in by other things


def reward(
    agent_x: np.ndarray,
    agent_y: np.ndarray,
    moved_x: np.ndarray,
    moved_y: np.ndarray,
    fixed_x: np.ndarray,
    fixed_y: np.ndarray,
    holding_moved: np.ndarray,
    next_agent_x: np.ndarray,
    next_agent_y: np.ndarray,
    next_moved_x: np.ndarray,
    next_moved_y: np.ndarray,
    next_fixed_x: np.ndarray,
    next_fixed_y: np.ndarray,
    next_holding_moved: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward progress, so that undoing a step costs as much as it gave; and the mission."""
    before = progress(agent_x, agent_y, moved_x, moved_y, fixed_x, fixed_y, holding_moved)
    after = progress(
        next_agent_x,
        next_agent_y,
        next_moved_x,
        next_moved_y,
        next_fixed_x,
        next_fixed_y,
        next_holding_moved,
    )
    return {
        "progress": np.where(terminated, 0.0, after - before),
        "done": 2.0 * terminated,
        "time": np.full_like(after, -0.01),
    }


def progress(
    agent_x: np.ndarray,
    agent_y: np.ndarray,
    moved_x: np.ndarray,
    moved_y: np.ndarray,
    fixed_x: np.ndarray,
    fixed_y: np.ndarray,
    holding: np.ndarray,
) -> np.ndarray:
    """How much is done: 1 for the thing in hand, and nearness to what comes next."""
    to_moved = np.abs(moved_x - agent_x) + np.abs(moved_y - agent_y)
    to_fixed = np.abs(fixed_x - agent_x) + np.abs(fixed_y - agent_y)
    done: np.ndarray = np.where(holding, 1.0 - 0.1 * to_fixed, -0.1 * to_moved)
    return done
