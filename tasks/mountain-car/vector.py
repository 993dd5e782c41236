"""Many mountain cars at once: MountainCar-v0 on arrays, equal to it row by row."""

from typing import Any

import numpy as np
from gymnasium.envs.classic_control import MountainCarEnv
from numpy.typing import NDArray

from rewardsmith.task.vector import BatchEnv


class MountainCars(BatchEnv):
    """MountainCar-v0, n of them; each row has its own random stream, as a single one has."""

    def __init__(self, num_envs: int = 1, goal_velocity: float = 0.0) -> None:
        self._car = MountainCarEnv(goal_velocity=goal_velocity)  # for its constants
        super().__init__(self._car, num_envs)
        self._state = np.zeros((2, num_envs))  # positions, velocities

    def start(self, row: int, stream: np.random.Generator) -> None:
        """Put a row at the start of an episode."""
        self._state[:, row] = stream.uniform(-0.6, -0.4), 0.0

    def advance(self, actions: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Move every car on; actions have the shape (n,)."""
        car, (position, velocity) = self._car, self._state  # views, changed in place
        velocity += (actions - 1) * car.force - car.gravity * np.cos(3 * position)
        np.maximum(velocity, -car.max_speed, out=velocity)
        np.minimum(velocity, car.max_speed, out=velocity)
        position += velocity
        np.maximum(position, car.min_position, out=position)
        np.minimum(position, car.max_position, out=position)
        velocity[position == car.min_position] = 0.0  # the wall on the left stops a car
        terminated = (position >= car.goal_position) & (velocity >= car.goal_velocity)
        return np.full(self.num_envs, -1.0), terminated

    def observe(self) -> NDArray[np.float32]:
        return self._state.T.astype(np.float32, order="C")
