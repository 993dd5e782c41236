"""The human yardstick for the pendulum: energy pumping with a balancer, and a reward."""

import numpy as np

GRAVITY = 15.0  # rad/s^2: 3 g / (2 l)
STRENGTH = 3.0  # rad/s^2 for a torque of 1 N m


def policy(observation: np.ndarray) -> np.ndarray:
    """Balance near upright, elsewhere give the pendulum the energy that it lacks."""
    height, sideways, angular_velocity = observation
    angle = np.arctan2(sideways, height)
    if abs(angle) < 0.4 and abs(angular_velocity) < 3:
        torque = -(10 * angle + 3 * angular_velocity)
    else:
        lacking = GRAVITY * (1 - height) - angular_velocity**2 / 2
        torque = np.copysign(2.0, lacking * (angular_velocity or 1.0))
    return np.array([np.clip(torque, -2.0, 2.0)], dtype=np.float32)


def reward(
    next_height: np.ndarray, next_angular_velocity: np.ndarray, action: np.ndarray
) -> dict[str, np.ndarray]:
    """Reward height, above all standing still at the top, minus a small cost of torque."""
    height = (1 + next_height) / 2
    stillness = np.exp(-(next_angular_velocity**2))
    return {
        "height": height,
        "upright_and_still": 2.0 * height**8 * stillness,
        "torque": -0.01 * action[:, 0] ** 2,
    }
