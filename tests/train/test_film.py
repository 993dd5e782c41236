"""Films: the evaluated episode, from its first observation to its last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rewardsmith.episodes.files import load_episodes
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.terms.reward import as_reward
from rewardsmith.train import film
from rewardsmith.train.film import film_trial
from rewardsmith.train.trainers import RunningFunctions
from rewardsmith.train.vectors import RecordedVecEnv
from tests.support.trials import job_for, toy_task, trial

LIGHT = [{"name": "light", "source": 'info["light"]', "at_reset": True}]
REWARD = "def reward(next_light):\n    return {'right': next_light / 35.0}\n"


def lights(path: Path) -> list[int]:
    """Where the light is, frame by frame."""
    with Image.open(path) as picture:
        found = []
        for number in range(picture.n_frames):
            picture.seek(number)
            found.append(int(np.asarray(picture.convert("L"), float).mean(0).argmax()) // 4)
        return found


def native(venv: RecordedVecEnv) -> RunningFunctions:
    return RunningFunctions(as_reward(None))


@pytest.mark.parametrize("most", [100, 3])
def test_it_shows_the_first_evaluation_episode(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "MOST_FRAMES", most)
    task = toy_task("tests.support.toy_envs:Drawn", LIGHT, policy="CnnPolicy")
    trial(tmp_path, task, REWARD)
    seen = [int(light) for light in load_episodes(tmp_path / "episodes.npz")[0].fields["light"]]
    assert len(seen) == len(set(seen)) == 9  # the format joins frames that are the same
    frames = seen if most == 100 else [*seen[::3], seen[-1]]
    assert lights(film_trial(task, job_for(task, REWARD), tmp_path, native)) == frames


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    task = toy_task("tests.support.toy_envs:Pixels", LIGHT, policy="CnnPolicy")
    trial(tmp_path, task, REWARD)
    with pytest.raises((UsageError, BoundaryError), match="render_mode"):
        film_trial(task, job_for(task, REWARD), tmp_path, native)
    assert not (tmp_path / "film.webp").exists()
