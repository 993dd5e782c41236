"""Many mountain cars at once: MountainCarContinuous-v0 on arrays, equal to it row by row."""

from typing import Any

import numpy as np
from gymnasium.envs.classic_control import Continuous_MountainCarEnv
from numpy.typing import NDArray

from rewardsmith.task.vector import BatchEnv

GRAVITY = 0.0025


class MountainCars(BatchEnv):
    """MountainCarContinuous-v0, n of them; each row has its own random stream, as a single one has.

    The single environment keeps its state in float32, except the one that an episode starts from,
    and so do these cars. For forces beyond [-1, 1] the two may differ in the last bit.
    """

    def __init__(self, num_envs: int = 1, goal_velocity: float = 0.0) -> None:
        self._car = Continuous_MountainCarEnv(goal_velocity=goal_velocity)  # for its constants
        super().__init__(self._car, num_envs)
        self._state = np.zeros((2, num_envs), np.float32)  # positions, velocities
        self._starts = np.zeros((2, num_envs))
        self._started: list[int] = []  # rows that stand at their start

    def start(self, row: int, stream: np.random.Generator) -> None:
        """Put a row at the start of an episode."""
        self._starts[0, row] = stream.uniform(-0.6, -0.4)
        self._state[:, row] = self._starts[:, row]
        self._started.append(row)

    def advance(self, actions: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Move every car on; actions have the shape (n, 1)."""
        car, forces = self._car, actions[:, 0]
        pushes = np.minimum(np.maximum(forces, car.min_action), car.max_action) * car.power
        moved = self._moved(self._state, pushes)
        if self._started:
            rows, self._started = self._started, []
            moved[:, rows] = self._moved(self._starts[:, rows], pushes[rows])
        self._state = moved
        terminated = (moved[0] >= car.goal_position) & (moved[1] >= car.goal_velocity)
        rewards = 100.0 * terminated - np.square(forces, dtype=np.float64) * 0.1
        return rewards, terminated

    def _moved(self, state: NDArray[Any], pushes: NDArray[Any]) -> NDArray[Any]:
        """The state after a step, in the precision of the state before, shape (2, rows)."""
        car = self._car
        moved = state.copy()
        position, velocity = moved  # views
        slope = GRAVITY * np.cos(3 * position, dtype=np.float64)
        velocity += pushes - slope.astype(np.float32)
        np.maximum(velocity, -car.max_speed, out=velocity)
        np.minimum(velocity, car.max_speed, out=velocity)
        position += velocity
        np.maximum(position, car.min_position, out=position)
        np.minimum(position, car.max_position, out=position)
        velocity[position == car.min_position] = 0.0  # the wall on the left stops a car
        return moved

    def observe(self) -> NDArray[np.float32]:
        return self._state.T.copy(order="C")
