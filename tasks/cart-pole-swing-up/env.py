"""A pole hangs from a cart on a limited track: swing it up with a limited force and keep it up."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Observation = dict[str, Any]  # as spaces.Dict is typed; the values are float32 arrays

GRAVITY = 9.8  # m/s^2
CART_MASS = 1.0  # kg
POLE_MASS = 0.1  # kg
POLE_HALF_LENGTH = 0.5  # m, from the hinge to the pole's centre of mass
MAX_FORCE = 10.0  # N
TRACK_LIMIT = 2.4  # m, to either side of the middle
CONTROL_STEP = 0.04  # s, how long one action is held
PHYSICS_STEPS = 4  # integration steps within one control step
HANGING = np.array([0.0, 0.0, np.pi, 0.0])  # position, velocity, angle, angular velocity
MAX_SPEED = 20.0  # bound of the observed velocities (m/s and rad/s), far above what is reached


class CartPoleSwingUp(gymnasium.Env[Observation, NDArray[np.float32]]):
    """Cart-pole swing-up.

    Observation: a Dict of two boxes,
        "cart": [position (m), velocity (m/s)],
        "pole": [cos(angle), sin(angle), angular velocity (rad/s)];
        angle 0 is upright, pi is hanging down, positive leans to the right.
    Action: Box(1,) in [-1, 1], the share of MAX_FORCE that pushes the cart to the right.
    Dynamics: the frictionless cart and uniform pole of Barto, Sutton and Anderson (1983), in the
        corrected form of Florian (2007), integrated by semi-implicit Euler steps.
    Reward: 1 for a step that ends with the pole standing (within 12 degrees of upright, turning
        slower than 1 rad/s) and the cart within half a metre of the middle, otherwise 0: sparse
        on purpose.
    Start: at rest near the middle, the pole hanging down, with a little noise.
    Termination: the cart leaves the track (TRACK_LIMIT to either side). Truncation: none here;
        an episode is meant to be cut after 500 steps (20 s) by a TimeLimit.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - declared an instance variable by gymnasium
        "render_modes": ["rgb_array"],
        "render_fps": 25,
    }

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.observation_space = spaces.Dict(
            {
                "cart": _symmetric_box([2 * TRACK_LIMIT, MAX_SPEED]),
                "pole": _symmetric_box([1.0, 1.0, MAX_SPEED]),
            }
        )
        self.action_space = spaces.Box(-1.0, 1.0, shape=(1,), dtype=np.float32)
        self.position, self.velocity, self.angle, self.angular_velocity = 0.0, 0.0, np.pi, 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        noise = self.np_random.uniform(-0.1, 0.1, size=4)
        self.position, self.velocity, self.angle, self.angular_velocity = noise + HANGING
        return self._observation(), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        force = MAX_FORCE * float(np.clip(action[0], -1.0, 1.0))
        for _ in range(PHYSICS_STEPS):
            self._integrate(force, CONTROL_STEP / PHYSICS_STEPS)
        standing = np.cos(self.angle) > np.cos(np.radians(12)) and abs(self.angular_velocity) < 1
        reward = float(standing and abs(self.position) < 0.5)
        left_the_track = bool(abs(self.position) > TRACK_LIMIT)
        return self._observation(), reward, left_the_track, False, {}

    def _integrate(self, force: float, seconds: float) -> None:
        """Move the state on by Florian's equations, without friction."""
        sine, cosine = np.sin(self.angle), np.cos(self.angle)
        total_mass = CART_MASS + POLE_MASS
        pole_moment = POLE_MASS * POLE_HALF_LENGTH
        push = (force + pole_moment * self.angular_velocity**2 * sine) / total_mass
        angular_acceleration = (GRAVITY * sine - cosine * push) / (
            POLE_HALF_LENGTH * (4 / 3 - POLE_MASS * cosine**2 / total_mass)
        )
        acceleration = push - pole_moment * angular_acceleration * cosine / total_mass
        # Velocities first: this order keeps the energy of a free pole from drifting.
        self.velocity += seconds * acceleration
        self.angular_velocity += seconds * angular_acceleration
        self.position += seconds * self.velocity
        self.angle += seconds * self.angular_velocity

    def _observation(self) -> Observation:
        velocity, angular_velocity = np.clip(
            [self.velocity, self.angular_velocity], -MAX_SPEED, MAX_SPEED
        )
        pole = [np.cos(self.angle), np.sin(self.angle), angular_velocity]
        return {
            "cart": np.array([self.position, velocity], dtype=np.float32),
            "pole": np.array(pole, dtype=np.float32),
        }

    def render(self) -> NDArray[np.uint8] | None:
        """Draw the track, the cart and the pole as a 240 x 480 picture."""
        if self.render_mode != "rgb_array":
            return None
        # World coordinates, in metres, of every pixel's centre.
        x, y = np.meshgrid(np.linspace(-3.0, 3.0, 480), np.linspace(1.5, -1.5, 240))
        tip = 2 * POLE_HALF_LENGTH * np.array([np.sin(self.angle), np.cos(self.angle)])
        from_hinge = np.stack([x - self.position, y], axis=-1)
        along_pole = np.clip(from_hinge @ tip / (tip @ tip), 0.0, 1.0)
        distance_to_pole = np.linalg.norm(from_hinge - along_pole[..., None] * tip, axis=-1)
        picture = np.full((240, 480, 3), 250, dtype=np.uint8)
        picture[(abs(y) < 0.015) & (abs(x) < TRACK_LIMIT)] = (150, 150, 150)
        picture[(abs(y) < 0.12) & (abs(x - self.position) < 0.25)] = (40, 50, 70)
        picture[distance_to_pole < 0.04] = (220, 110, 50)
        return picture


def _symmetric_box(limits: list[float]) -> spaces.Box:
    high = np.array(limits, dtype=np.float32)
    return spaces.Box(-high, high, dtype=np.float32)
