"""The human yardstick for the hopper: a hand-written reward. It has no controller: a jump is not written by hand."""

import numpy as np


def reward(
    next_foot_clearance: np.ndarray,
    next_torso_angle: np.ndarray,
    next_x_velocity: np.ndarray,
    action: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Pay for clearance, steeply, and for staying up; less for leaning, drifting and torque."""
    clearance = np.clip(next_foot_clearance, 0.0, 1.0)
    return {
        "clearance": 10.0 * clearance**2 + 2.0 * clearance,
        "alive": np.full_like(clearance, 0.2),
        "fallen": -20.0 * terminated,
        "leaning": -1.0 * np.abs(next_torso_angle),
        "drifting": -0.1 * np.abs(next_x_velocity),
        "torque": -0.01 * np.mean(action**2, axis=1),
    }
