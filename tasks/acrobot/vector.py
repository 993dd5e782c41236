"""Many acrobots at once: Acrobot-v1 on arrays, equal to it row by row."""

from typing import Any

import numpy as np
from gymnasium.envs.classic_control import AcrobotEnv
from numpy.typing import NDArray

from rewardsmith.task.vector import BatchEnv

STEP = AcrobotEnv.dt  # s
FASTEST = np.array([[AcrobotEnv.MAX_VEL_1], [AcrobotEnv.MAX_VEL_2]])  # rad/s
SLOWEST = -FASTEST
PULLS = np.array([[1.5 * 9.8], [0.5 * 9.8]])  # of gravity on both links and on the lower one


class Acrobots(BatchEnv):
    """Acrobot-v1, n of them; each row has its own random stream, as a single one has."""

    def __init__(self, num_envs: int = 1) -> None:
        super().__init__(AcrobotEnv(), num_envs)
        # Angles of the upper link and of the joint, then how fast they turn.
        self._state = np.zeros((4, num_envs))
        self._seen = np.zeros((num_envs, 6), np.float32)

    def start(self, row: int, stream: np.random.Generator) -> None:
        """Put a row at the start of an episode."""
        start = stream.uniform(-0.1, 0.1, size=4).astype(np.float32)
        self._state[:, row] = start
        self._seen[row] = _observed(start)  # at a start in float32, later in float64

    def advance(self, actions: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Move every acrobot on; actions have the shape (n,)."""
        state = self._state = _later(self._state, actions - 1.0)
        angles, speeds = state[:2], state[2:]
        while np.count_nonzero(np.abs(angles) > np.pi):
            angles -= 2 * np.pi * (angles > np.pi)
            angles += 2 * np.pi * (angles < -np.pi)
        np.maximum(speeds, SLOWEST, out=speeds)
        np.minimum(speeds, FASTEST, out=speeds)
        cosines = np.cos(angles)
        terminated = -cosines[0] - np.cos(angles[1] + angles[0]) > 1.0
        self._seen = _observed(state)
        return terminated - 1.0, terminated

    def observe(self) -> NDArray[np.float32]:
        return self._seen.copy()

    def field(self, name: str) -> NDArray[np.float64]:
        """Values of a function of fields.py at the latest observation, shape (n,).

        Raises:
            KeyError: there is no such function.
        """
        if name != "tip_height":
            raise KeyError(name)
        upper_cosine, upper_sine, joint_cosine, joint_sine = self._seen[:, :4].T
        lower_cosine = upper_cosine * joint_cosine - upper_sine * joint_sine
        height: NDArray[np.float64] = (-upper_cosine - lower_cosine).astype(np.float64)
        return height


def _observed(state: NDArray[Any]) -> NDArray[np.float32]:
    """State, shape (4, ...) -> observation, shape (..., 6)."""
    seen = np.empty((*state.shape[1:], 6), np.float32)
    seen[..., 0:4:2] = np.cos(state[:2]).T
    seen[..., 1:4:2] = np.sin(state[:2]).T
    seen[..., 4:] = state[2:].T
    return seen


def _later(state: NDArray[np.float64], torque: NDArray[Any]) -> NDArray[np.float64]:
    """The state after a step, by a Runge-Kutta method of fourth order, shape (4, n)."""
    first = _change(state, torque)
    second = _change(state + STEP / 2.0 * first, torque)
    third = _change(state + STEP / 2.0 * second, torque)
    fourth = _change(state + STEP * third, torque)
    return state + STEP / 6.0 * (first + 2 * second + 2 * third + fourth)


def _change(state: NDArray[np.float64], torque: NDArray[Any]) -> NDArray[np.float64]:
    """Derivative of the state by time, shape (4, n).

    The equations of the single environment, whose links have mass, length and moment of inertia 1
    and their centres at 0.5. Sums are in its order, as each is rounded; products with 1, 2 and 0.5
    are exact and drawn together.
    """
    joint, speeds = state[1], state[2:]
    sine, cosine = np.sin(joint), np.cos(joint)
    pulls = PULLS * np.cos(np.add.accumulate(state[:2]) - np.pi / 2)
    # `array ** 2` multiplies, which may differ in the last bit from a power of one number.
    swings = 0.5 * np.float_power(speeds, 2.0) * sine
    phi2 = pulls[1]
    phi1 = pulls[0] - (swings[1] + speeds[1] * speeds[0] * sine) + phi2
    d1 = 0.25 + (1.25 + cosine) + 1.0 + 1.0
    d2 = 0.25 + 0.5 * cosine + 1.0
    change = np.empty_like(state)
    change[:2] = speeds
    change[3] = joint_change = (torque + d2 / d1 * phi1 - swings[0] - phi2) / (
        1.25 - np.float_power(d2, 2.0) / d1
    )
    change[2] = -(d2 * joint_change + phi1) / d1
    return change
