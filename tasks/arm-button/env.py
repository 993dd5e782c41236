"""A Meta-World arm as a plain Gymnasium environment: new places at every reset, drawn from the
seed.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE
from numpy.typing import NDArray


class Arm(gymnasium.Env[NDArray[np.float64], NDArray[np.float32]]):
    """One of Meta-World's tasks with its goal in sight.

    Observation: Box(39,): hand (x, y, z in m), opening of the fingers, places of things; the same
        of the step before; and the goal (x, y, z), in the last three.
    Action: Box(4,) in [-1, 1]: the hand's movement along x, y and z, and the force that closes the
    fingers.
    Reward: Meta-World's own. Termination: never; the task cuts episodes by its time limit.
    Info: fingertips (x, y, z), the point between them, which Meta-World's success is about, 4.5 cm
        below the hand; and success.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 80}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, name: str, render_mode: str | None = None) -> None:
        self._arm = ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE[f"{name}-goal-observable"](
            render_mode=render_mode
        )
        # As Meta-World makes it, places stay as they were first drawn, and reset() takes no notice
        # of a seed.
        self._arm._freeze_rand_vec = False
        self._arm.seeded_rand_vec = True
        self._arm.mujoco_renderer.camera_id = self._arm.model.camera(
            "corner"
        ).id  # else the arm hides its hand
        self.render_mode = render_mode
        self.observation_space = spaces.Box(-np.inf, np.inf, shape=(39,), dtype=np.float64)
        self.action_space = spaces.Box(-1.0, 1.0, shape=(4,), dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        super().reset(seed=seed)
        self._arm.seed(int(self.np_random.integers(2**31)))
        observation, _ = self._arm.reset()
        return observation, self._info(False)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        observation, reward, _, _, info = self._arm.step(action)
        return observation, float(reward), False, False, self._info(bool(info["success"]))

    def _info(self, success: bool) -> dict[str, Any]:
        return {"success": success, "fingertips": self._arm.tcp_center}

    def render(self) -> NDArray[np.uint8] | None:
        picture = self._arm.render()
        return None if picture is None else np.flipud(picture)  # the camera hangs upside down

    def close(self) -> None:
        self._arm.close()
