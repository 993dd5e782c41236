"""The human yardstick for the acrobot: a one-line controller and a hand-written reward."""

import numpy as np

GRAVITY = 9.8
LINK = 1.0  # length and mass of either link


def policy(observation: np.ndarray) -> int:
    """Always turn the joint against the upper link's swing: so the motor only ever adds energy."""
    upper_velocity = observation[4]
    return 0 if upper_velocity > 0 else 2


def reward(
    tip_height: np.ndarray,
    next_tip_height: np.ndarray,
    upper_velocity: np.ndarray,
    next_upper_velocity: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward energy gained, which includes swinging down with more speed, and the line."""
    gained = energy(next_tip_height, next_upper_velocity) - energy(tip_height, upper_velocity)
    return {
        "energy_gained": gained,
        "line_crossed": 10.0 * terminated,
        "time": np.full_like(gained, -0.05),
    }


def energy(tip_height: np.ndarray, upper_velocity: np.ndarray) -> np.ndarray:
    """Roughly the energy of a stretched arm: that of the tip's height, and that of the swing."""
    swing: np.ndarray = upper_velocity**2 * LINK**2 / 2
    return (GRAVITY * tip_height + swing) / GRAVITY
