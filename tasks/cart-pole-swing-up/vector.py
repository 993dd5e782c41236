"""Many cart-poles at once: the environment of env.py on arrays, equal to it row by row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

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


class CartPoleSwingUps(VectorEnv[Observation, NDArray[np.float32], NDArray[Any]]):
    """CartPoleSwingUp, n of them; each row has its own random stream, as a single one has.

    A row that ended is stepped on until it is reset with the option ``reset_mask``. The time limit
    is the caller's.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - declared an instance variable by gymnasium
        "autoreset_mode": AutoresetMode.DISABLED,
    }

    def __init__(self, num_envs: int = 1) -> None:
        single = CartPoleSwingUp()
        self.num_envs = num_envs
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._places = np.zeros((2, num_envs))  # positions of the carts, angles of the poles
        self._speeds = np.zeros((2, num_envs))
        self.streams = [seeding.np_random()[0] for _ in range(num_envs)]

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Start episodes; the observation is that of all rows.

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
            start = self.streams[row].uniform(-0.1, 0.1, size=4) + HANGING
            self._places[:, row] = start[0], start[2]
            self._speeds[:, row] = start[1], start[3]
        return self._observation(), {}

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Move every cart on; actions have the shape (n, 1). All results are new arrays."""
        share = np.minimum(np.maximum(actions[:, 0], -1.0), 1.0)
        force = MAX_FORCE * share.astype(np.float64)
        for _ in range(PHYSICS_STEPS):
            self._integrate(force)
        position, angle = self._places
        off = np.abs(position)
        standing = (np.cos(angle) > UPRIGHT) & (np.abs(self._speeds[1]) < 1)
        rewards = (standing & (off < 0.5)).astype(np.float64)
        return self._observation(), rewards, off > TRACK_LIMIT, np.zeros(len(off), np.bool_), {}

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

    def _observation(self) -> Observation:
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
