"""The human yardstick for the hopper: a hand-written reward. It has no controller: a jump is not
written by hand.
"""

import numpy as np


def reward(
    next_foot_clearance: np.ndarray,
    next_torso_height: np.ndarray,
    next_torso_angle: np.ndarray,
    next_x: np.ndarray,
    next_z_velocity: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward height, steeply, and upward speed; less the farther from the spot.

    The distance has no separate cost, which would teach a leap that ends all costs in a fall.
    Standing gets no reward, which would teach standing still.
    """
    near = 1.0 / (1.0 + (next_x / 0.5) ** 2)
    height = np.clip(np.minimum(next_foot_clearance, next_torso_height - 1.21), 0.0, 1.0)
    rising = np.clip(next_z_velocity, 0.0, 3.0)
    return {
        "height": near * (2.0 * height + 10.0 * height**2),
        "rising": near * 0.2 * rising**2,
        "fallen": -5.0 * terminated,
        "leaning": -1.0 * np.abs(next_torso_angle),
    }
