"""Many pendulums at once: Pendulum-v1 on arrays, equal to it row by row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.envs.classic_control import PendulumEnv
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

HIGHEST_START = np.array([np.pi, 1.0])  # angle, velocity


class Pendulums(VectorEnv[NDArray[np.float32], NDArray[np.float32], NDArray[Any]]):
    """Pendulum-v1, n of them; each row has its own random stream, as a single one has.

    Rows are reset with the option ``reset_mask``. No row ever terminates; the time limit is the
    caller's.

    Args:
        g: acceleration by gravity.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - declared an instance variable by gymnasium
        "autoreset_mode": AutoresetMode.DISABLED,
    }

    def __init__(self, num_envs: int = 1, g: float = 10.0) -> None:
        self._pendulum = PendulumEnv(g=g)  # for its constants
        self.num_envs = num_envs
        self.single_observation_space = self._pendulum.observation_space
        self.single_action_space = self._pendulum.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._state = np.zeros((2, num_envs))  # angles, velocities
        self._two = np.full(num_envs, 2.0, np.float32)
        self.streams = [seeding.np_random()[0] for _ in range(num_envs)]

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start episodes; the observation is that of all rows, shape (n, 3).

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
            start = self.streams[row].uniform(-HIGHEST_START, HIGHEST_START)
            self._state[:, row] = start
        return self._observation(), {}

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Move every pendulum on; actions have the shape (n, 1). All results are new arrays."""
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
        never = np.zeros(self.num_envs, np.bool_)
        return self._observation(), -costs, never, never.copy(), {}

    def _observation(self) -> NDArray[np.float32]:
        seen = np.empty((self.num_envs, 3), np.float32)
        angle, velocity = self._state
        seen[:, 0] = np.cos(angle)
        seen[:, 1] = np.sin(angle)
        seen[:, 2] = velocity
        return seen
