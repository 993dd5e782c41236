"""The human yardstick for the lander: a controller of two loops, and a hand-written reward."""

import numpy as np

NOTHING, LEFT, MAIN, RIGHT = range(4)


def policy(observation: np.ndarray) -> int:
    """Lean against the drift; sink the slower the lower it is, and not at all beside the pad."""
    x, y, x_velocity, y_velocity, angle, angular_velocity, right_leg, left_leg = observation
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
    left_leg: np.ndarray,
    right_leg: np.ndarray,
    next_x: np.ndarray,
    next_y: np.ndarray,
    next_x_velocity: np.ndarray,
    next_y_velocity: np.ndarray,
    next_angle: np.ndarray,
    next_left_leg: np.ndarray,
    next_right_leg: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward coming nearer, slower, more upright and onto the legs, and resting on the pad;
    punish a crash.

    Standing there is not rewarded per step: that would teach to keep the engines firing, so that
    the episode never ends.
    """
    before = trouble(x, y, x_velocity, y_velocity, angle, left_leg, right_leg)
    after = trouble(
        next_x, next_y, next_x_velocity, next_y_velocity, next_angle, next_left_leg, next_right_leg
    )
    upright_on_pad = (np.abs(next_x) < 0.2) & (np.abs(next_angle) < 0.3) & (next_y < 0.1)
    at_rest = upright_on_pad & (np.hypot(next_x_velocity, next_y_velocity) < 0.01)
    return {
        "improvement": 10.0 * (before - after),
        "landed": 20.0 * (terminated & at_rest),
        "crashed": -10.0 * (terminated & ~at_rest),
        "time": np.full_like(x, -0.03),
    }


def trouble(
    x: np.ndarray,
    y: np.ndarray,
    x_velocity: np.ndarray,
    y_velocity: np.ndarray,
    angle: np.ndarray,
    left_leg: np.ndarray,
    right_leg: np.ndarray,
) -> np.ndarray:
    """How far from standing on the pad: distance, speed, tilt, and legs in the air."""
    far: np.ndarray = np.hypot(x, y) + np.hypot(x_velocity, y_velocity) + np.abs(angle)
    return far - 0.1 * left_leg - 0.1 * right_leg
