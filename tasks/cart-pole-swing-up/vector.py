"""Many cart-poles at once: the environment of env.py on arrays, equal to it row by row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardsmith.task.vector import BatchEnv

from .env import (
    CART_MASS,
    CONTROL_STEP,
    GRAVITY,
    HANGING,
    MAX_FORCE,
    MAX_SPEED,
    PHYSICS_STEPS,
    POLE_HALF_LENGTH,
    POLE_MASS,
    TRACK_LIMIT,
    CartPoleSwingUp,
)

Observation = dict[str, NDArray[np.float32]]

SECONDS = CONTROL_STEP / PHYSICS_STEPS
TOTAL_MASS = CART_MASS + POLE_MASS
POLE_MOMENT = POLE_MASS * POLE_HALF_LENGTH
UPRIGHT = np.cos(np.radians(12))


class CartPoleSwingUps(BatchEnv):
    """CartPoleSwingUp, n of them; each row has its own random stream, as a single one has."""

    def __init__(self, num_envs: int = 1) -> None:
        super().__init__(CartPoleSwingUp(), num_envs)
        self._places = np.zeros((2, num_envs))  # positions of the carts, angles of the poles
        self._speeds = np.zeros((2, num_envs))

    def start(self, row: int, stream: np.random.Generator) -> None:
        """Put a row at the start of an episode."""
        start = stream.uniform(-0.1, 0.1, size=4) + HANGING
        self._places[:, row] = start[0], start[2]
        self._speeds[:, row] = start[1], start[3]

    def advance(self, actions: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Move every cart on; actions have the shape (n, 1)."""
        share = np.minimum(np.maximum(actions[:, 0], -1.0), 1.0)
        force = MAX_FORCE * share.astype(np.float64)
        for _ in range(PHYSICS_STEPS):
            self._integrate(force)
        position, angle = self._places
        off = np.abs(position)
        standing = (np.cos(angle) > UPRIGHT) & (np.abs(self._speeds[1]) < 1)
        rewards = (standing & (off < 0.5)).astype(np.float64)
        return rewards, off > TRACK_LIMIT

    def _integrate(self, force: NDArray[np.float64]) -> None:
        """Move the state on by the equations of the single environment, in their order."""
        angle, angular_velocity = self._places[1], self._speeds[1]
        sine, cosine = np.sin(angle), np.cos(angle)
        # `array ** 2` multiplies, which may differ in the last bit from a power of one number.
        push = (force + POLE_MOMENT * np.float_power(angular_velocity, 2.0) * sine) / TOTAL_MASS
        angular_acceleration = (GRAVITY * sine - cosine * push) / (
            POLE_HALF_LENGTH * (4 / 3 - POLE_MASS * np.float_power(cosine, 2.0) / TOTAL_MASS)
        )
        acceleration = push - POLE_MOMENT * angular_acceleration * cosine / TOTAL_MASS
        self._speeds[0] += SECONDS * acceleration
        self._speeds[1] += SECONDS * angular_acceleration
        self._places += SECONDS * self._speeds

    def observe(self) -> Observation:
        speeds = np.minimum(np.maximum(self._speeds, -MAX_SPEED), MAX_SPEED)
        position, angle = self._places
        cart = np.empty((self.num_envs, 2), np.float32)
        cart[:, 0] = position
        cart[:, 1] = speeds[0]
        pole = np.empty((self.num_envs, 3), np.float32)
        pole[:, 0] = np.cos(angle)
        pole[:, 1] = np.sin(angle)
        pole[:, 2] = speeds[1]
        return {"cart": cart, "pole": pole}
