"""Many mountain cars at once: MountainCar-v0 on arrays, equal to it row by row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.envs.classic_control import MountainCarEnv
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray


class MountainCars(VectorEnv[NDArray[np.float32], NDArray[np.int64], NDArray[Any]]):
    """MountainCar-v0, n of them; each row has its own random stream, as a single one has.

    A row that ended is stepped on until it is reset with the option ``reset_mask``. The time limit
    is the caller's.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - declared an instance variable by gymnasium
        "autoreset_mode": AutoresetMode.DISABLED,
    }

    def __init__(self, num_envs: int = 1, goal_velocity: float = 0.0) -> None:
        self._car = MountainCarEnv(goal_velocity=goal_velocity)  # for its constants
        self.num_envs = num_envs
        self.single_observation_space = self._car.observation_space
        self.single_action_space = self._car.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._state = np.zeros((2, num_envs))  # positions, velocities
        self.streams = [seeding.np_random()[0] for _ in range(num_envs)]

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start episodes; the observation is that of all rows, shape (n, 2).

        Args:
            seed: one for each row; s stands for s, s + 1, ...; None goes on with a row's stream.
            options: "reset_mask", shape (n,), bool: reset only these rows.
        """
        mask = (options or {}).get("reset_mask")
        rows = range(self.num_envs) if mask is None else np.flatnonzero(mask).tolist()
        seeds = range(seed, seed + self.num_envs) if isinstance(seed, int) else seed
        for row in rows:
            if seeds is not None and seeds[row] is not None:
                self.streams[row], _ = seeding.np_random(seeds[row])
            self._state[:, row] = self.streams[row].uniform(-0.6, -0.4), 0.0
        return self._observation(), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Move every car on; actions have the shape (n,). All results are new arrays."""
        car, (position, velocity) = self._car, self._state  # views, changed in place
        velocity += (actions - 1) * car.force - car.gravity * np.cos(3 * position)
        np.maximum(velocity, -car.max_speed, out=velocity)
        np.minimum(velocity, car.max_speed, out=velocity)
        position += velocity
        np.maximum(position, car.min_position, out=position)
        np.minimum(position, car.max_position, out=position)
        velocity[position == car.min_position] = 0.0  # the wall on the left stops a car
        terminated = (position >= car.goal_position) & (velocity >= car.goal_velocity)
        rewards = np.full(self.num_envs, -1.0)
        return self._observation(), rewards, terminated, np.zeros(self.num_envs, np.bool_), {}

    def _observation(self) -> NDArray[np.float32]:
        return self._state.T.astype(np.float32, order="C")
