"""The human yardstick for the swing-up: energy pumping with a linear balancer, and a reward."""

import numpy as np

GRAVITY = 9.8
HALF_LENGTH = 0.5
# The linear quadratic regulator of the dynamics around upright, found offline; the state is cart
# position, cart velocity, angle, angular velocity and the weights are 1, 0.1, 5, 0.1 (action: 1).
BALANCING_GAINS = np.array([0.74, 0.88, 5.81, 1.42])


def policy(observation: dict[str, np.ndarray]) -> np.ndarray:
    """Balance where the linear model holds, elsewhere give the pole the energy it lacks."""
    position, velocity = observation["cart"]
    cosine, sine, angular_velocity = observation["pole"]
    angle = np.arctan2(sine, cosine)
    if abs(angle) < 0.4:
        action = BALANCING_GAINS @ [position, velocity, angle, angular_velocity]
    else:
        # Accelerating the cart changes the pole's energy at the rate -cos(angle) * its speed.
        lacking = GRAVITY * (1 - cosine) - HALF_LENGTH * angular_velocity**2 * 2 / 3
        pump = -0.4 * lacking * cosine * angular_velocity
        action = np.clip(pump, -0.6, 0.6) - 0.3 * position - 0.1 * velocity
    return np.array([np.clip(action, -1.0, 1.0)], dtype=np.float32)


def reward(
    next_cart_position: np.ndarray,
    next_pole_cosine: np.ndarray,
    next_pole_angular_velocity: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward height, above all standing still and upright; keep the cart near the middle."""
    height = (1 + next_pole_cosine) / 2
    stillness = np.exp(-((next_pole_angular_velocity / 2) ** 2))
    return {
        "height": height,
        "upright_and_still": 2.0 * height**8 * stillness,
        "off_centre": -0.1 * next_cart_position**2,
        "left_track": -20.0 * terminated,
    }
