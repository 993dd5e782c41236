"""An evaluation episode of a trained policy as a film."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
from PIL import Image

from rewardsmith.episodes.files import EPISODES, load_episodes
from rewardsmith.episodes.pictures import (
    DRAWS_NOT,
    MOST_FRAMES,
    RENDER_MODE,
    check_draws,
    need_no_screen,
    picture,
)
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.trials import FILM, RESULT, TrialJob, TrialResult
from rewardsmith.task.loading import Task
from rewardsmith.train.playing import Player
from rewardsmith.train.trainers import OpenFunctions
from rewardsmith.train.vectors import RecordedVecEnv, derived_seed

_HEIGHT = 240  # pixels, at most
_FRAME_MS, _LAST_MS = 60, 1200


def film_trial(task: Task, job: TrialJob, folder: Path, open_functions: OpenFunctions) -> Path:
    """Play a finished trial's first evaluation episode again, and write ``film.webp``.

    Every k-th step is a frame, with k so that :data:`MOST_FRAMES` are enough; the last step always
    is.

    Raises:
        UsageError: the environment cannot draw itself as an array.
        BoundaryError: it failed, or the checkpoint cannot be read.
    """
    need_no_screen()
    result = TrialResult.model_validate_json((folder / RESULT).read_text(encoding="utf-8"))
    length = len(load_episodes(folder / EPISODES)[0])
    try:
        player = Player(task, job.training, 1, 1, open_functions, render_mode=RENDER_MODE)
    except (BoundaryError, UsageError) as error:
        if "render_mode" in error.message:
            raise UsageError(DRAWS_NOT, "let its __init__ take render_mode, and draw") from error
        raise
    with closing(player):
        camera = _put_camera(player.base, every=-(-length // MOST_FRAMES))
        seed = derived_seed("evaluation", job.rung, job.seed)
        player.play(folder, [result.checkpoint], seed, job.evaluation.deterministic)
    path = folder / FILM
    first, *others = camera.frames
    shown_ms = [_FRAME_MS] * len(others) + [_LAST_MS]
    first.save(path, save_all=True, append_images=others, duration=shown_ms, loop=0, quality=60)
    return path


def _put_camera(venv: RecordedVecEnv, every: int) -> _Camera:
    check_draws(venv.envs[0])
    camera = _Camera(venv.envs[0], every)
    venv.envs[0] = camera
    return camera


class _Camera(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps pictures of the first episode, below the vector, which resets after the last step."""

    def __init__(self, env: gym.Env[Any, Any], every: int) -> None:
        super().__init__(env)
        self.frames: list[Image.Image] = []
        self._every = every
        self._steps = 0
        self._ended = False

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Reset; the first one begins the film."""
        result = self.env.reset(**options)
        if not self._ended:
            self.frames = [self._picture()]
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and take a picture where one is due."""
        result = self.env.step(action)
        self._steps += 1
        if not self._ended:
            self._ended = bool(result[2] or result[3])
            if self._ended or self._steps % self._every == 0:
                self.frames.append(self._picture())
        return result

    def _picture(self) -> Image.Image:
        frame = picture(self.env)
        frame.thumbnail((4 * _HEIGHT, _HEIGHT))
        return frame
