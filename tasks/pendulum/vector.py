"""Many pendulums at once: Pendulum-v1 on arrays, equal to it row by row."""

from typing import Any

import numpy as np
from gymnasium.envs.classic_control import PendulumEnv
from numpy.typing import NDArray

from rewardsmith.task.vector import BatchEnv

HIGHEST_START = np.array([np.pi, 1.0])  # angle, velocity


class Pendulums(BatchEnv):
    """Pendulum-v1, n of them; each row has its own random stream, as a single one has.

    No row ever terminates.

    Args:
        g: acceleration by gravity.
    """

    def __init__(self, num_envs: int = 1, g: float = 10.0) -> None:
        self._pendulum = PendulumEnv(g=g)  # for its constants
        super().__init__(self._pendulum, num_envs)
        self._state = np.zeros((2, num_envs))  # angles, velocities
        self._two = np.full(num_envs, 2.0, np.float32)

    def start(self, row: int, stream: np.random.Generator) -> None:
        """Put a row at the start of an episode."""
        start = stream.uniform(-HIGHEST_START, HIGHEST_START)
        self._state[:, row] = start

    def advance(self, actions: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Move every pendulum on; actions have the shape (n, 1)."""
        one, (angle, velocity) = self._pendulum, self._state  # views, changed in place
        torque = np.minimum(np.maximum(actions[:, 0], -one.max_torque), one.max_torque)
        upright = (angle + np.pi) % (2 * np.pi) - np.pi
        # `array ** 2` multiplies, which may differ in the last bit from a power of one number.
        off, speed = np.float_power(upright, 2.0), np.float_power(velocity, 2.0)
        costs = off + 0.1 * speed + 0.001 * np.power(torque, self._two)
        pull = 3 * one.g / (2 * one.l)
        velocity += (pull * np.sin(angle) + 3.0 / (one.m * one.l**2) * torque) * one.dt
        np.maximum(velocity, -one.max_speed, out=velocity)
        np.minimum(velocity, one.max_speed, out=velocity)
        angle += velocity * one.dt
        return -costs, np.zeros(self.num_envs, np.bool_)

    def observe(self) -> NDArray[np.float32]:
        seen = np.empty((self.num_envs, 3), np.float32)
        angle, velocity = self._state
        seen[:, 0] = np.cos(angle)
        seen[:, 1] = np.sin(angle)
        seen[:, 2] = velocity
        return seen
