"""Pictures of environments: whether one draws itself, and what it draws."""

from __future__ import annotations

import os
import sys
from typing import Any

import gymnasium as gym
import numpy as np
from PIL import Image

from rewardsmith.errors import UsageError, boundary

RENDER_MODE = "rgb_array"
DRAWS_NOT = "the environment cannot draw itself"
MOST_FRAMES = 100  # of a film, besides the first


def need_no_screen() -> None:
    """Let MuJoCo draw by EGL where there is no screen; its default would end the process.

    Call it before the first environment of the process is made.
    """
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        os.environ.setdefault("MUJOCO_GL", "egl")


def check_draws(env: gym.Env[Any, Any]) -> None:
    """Refuse an environment that does not name the render mode.

    Raises:
        UsageError: it cannot draw itself as an array.
    """
    if RENDER_MODE not in env.metadata.get("render_modes", []):
        raise UsageError(DRAWS_NOT, f"give it the render mode {RENDER_MODE}")


def picture(env: gym.Env[Any, Any]) -> Image.Image:
    """What an environment draws now.

    Raises:
        BoundaryError: it fails, or draws no picture.
    """
    with boundary("environment", "drawing a picture"):
        return Image.fromarray(np.asarray(env.render(), np.uint8))
