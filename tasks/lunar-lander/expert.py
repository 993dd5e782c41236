"""The human yardstick for the lander: a controller of two loops, and a hand-written reward."""

import numpy as np

NOTHING, LEFT, MAIN, RIGHT = range(4)


def policy(observation: np.ndarray) -> int:
    """Lean against the drift; sink the slower the lower it is, and not at all beside the pad."""
    x, y, x_velocity, y_velocity, angle, angular_velocity, left_leg, right_leg = observation
    if left_leg and right_leg:
        return NOTHING
    wanted_angle = np.clip(0.7 * x + x_velocity, -0.4, 0.4)
    spare = y - max(abs(x) - 0.1, 0.0)  # height over a funnel that leads to the pad
    wanted_rise = -(0.06 + 0.35 * spare) if spare > 0 else 0.05 if abs(x) > 0.1 else -0.06
    turn = 0.5 * (wanted_angle - angle) - 0.9 * angular_velocity
    lift = wanted_rise - y_velocity
    if left_leg or right_leg:  # the ground turns it
        turn, lift = 0.0, -0.5 * y_velocity - 0.05
    if lift > max(abs(turn), 0.05):
        return MAIN
    if abs(turn) > 0.05:
        return LEFT if turn > 0 else RIGHT
    return NOTHING


def reward(
    x: np.ndarray,
    y: np.ndarray,
    x_velocity: np.ndarray,
    y_velocity: np.ndarray,
    angle: np.ndarray,
    next_x: np.ndarray,
    next_y: np.ndarray,
    next_x_velocity: np.ndarray,
    next_y_velocity: np.ndarray,
    next_angle: np.ndarray,
    next_left_leg: np.ndarray,
    next_right_leg: np.ndarray,
    action: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Pay for coming nearer, slower and more upright; for resting on both legs on the pad; charge for a crash."""
    before = trouble(x, y, x_velocity, y_velocity, angle)
    after = trouble(next_x, next_y, next_x_velocity, next_y_velocity, next_angle)
    over_pad = (np.abs(next_x) < 0.2) & (np.abs(next_angle) < 0.3)
    standing = next_left_leg & next_right_leg & over_pad
    at_rest = (np.hypot(next_x_velocity, next_y_velocity) < 0.01) & over_pad & (next_y < 0.1)
    return {
        "improvement": 10.0 * (before - after),
        "standing": 0.2 * standing,
        "landed": 10.0 * (terminated & at_rest),
        "crashed": -10.0 * (terminated & ~at_rest),
        "main_engine": -0.03 * (action == 2),
    }


def trouble(
    x: np.ndarray, y: np.ndarray, x_velocity: np.ndarray, y_velocity: np.ndarray, angle: np.ndarray
) -> np.ndarray:
    """How far from standing on the pad: distance, speed and tilt."""
    far: np.ndarray = np.hypot(x, y) + np.hypot(x_velocity, y_velocity) + np.abs(angle)
    return far
