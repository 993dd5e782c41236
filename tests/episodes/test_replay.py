"""Episodes played again: pictures of exactly what was recorded, or none."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rewardsmith.episodes.pictures import MOST_FRAMES
from rewardsmith.episodes.random_policy import RANDOM_SEED, random_behaviour
from rewardsmith.episodes.replay import Replayer, Take
from rewardsmith.episodes.scripted import play_scripts
from rewardsmith.episodes.strip import MOMENTS, moments, strip, strip_of_film
from rewardsmith.errors import UsageError
from rewardsmith.task.drafting import task_from_env
from tests.support.trials import toy_task

LIGHT = [{"name": "light", "source": 'info["light"]', "at_reset": True}]
DRAWN = "tests.support.toy_envs:Drawn"


def light(picture: Image.Image) -> int:
    """Where the light is."""
    return int(np.asarray(picture.convert("L"), float).mean(0).argmax()) // 4


def test_the_pictures_are_those_of_the_recorded_states() -> None:
    task = toy_task(DRAWN, LIGHT)
    row, (script, *_) = random_behaviour(task, 3).episodes, play_scripts(task)[0]
    with closing(Replayer(task)) as replayer:
        for take in (Take(RANDOM_SEED, row), Take(0, [script])):
            seen = take.episodes[-1].fields["light"]
            steps = moments(len(seen) - 1)
            pictures = replayer.pictures(take, steps)
            assert list(pictures) == steps and steps[-1] == len(take.episodes[-1])
            assert [light(one) for one in pictures.values()] == [int(seen[step]) for step in steps]


def test_another_episode_than_the_recorded_one_is_never_shown() -> None:
    task = toy_task(DRAWN, LIGHT)
    row = random_behaviour(task, 3).episodes
    with closing(Replayer(task)) as replayer:
        for take in (Take(RANDOM_SEED + 1, row), Take(RANDOM_SEED, row[1:])):
            with pytest.raises(UsageError, match="could not be played again"):
                replayer.pictures(take, [0])


def test_continuous_actions_are_given_in_the_numbers_of_their_space() -> None:
    task = task_from_env("Pendulum-v1", "Hold it up.")
    (episode,) = random_behaviour(task, 1).episodes
    with closing(Replayer(task)) as replayer:
        assert replayer.pictures(Take(RANDOM_SEED, [episode]), ()) == {}


@pytest.mark.parametrize("steps", [1, 4, 5, 7, 200, 1001])
def test_moments_are_spread_from_the_first_state_to_the_last(steps: int) -> None:
    found = moments(steps)
    assert found[0] == 0 and found[-1] == steps and len(found) == min(MOMENTS, steps + 1)
    assert np.ptp(np.diff(found)) <= 1


def test_a_strip_shows_its_pictures_in_order_with_a_label_under_each() -> None:
    colours = ["red", "lime", "blue", "yellow"]
    pictures = {10 * place: Image.new("RGB", (60, 60), colours[place]) for place in (3, 1, 0, 2)}
    whole = strip(pictures)
    across, down = whole.width // 3, whole.height // 2
    places = [(0, 0), (1, 0), (2, 0), (0, 1)]
    middles = [(x * across + across // 2, y * down + down // 3) for x, y in places]
    shown = [whole.getpixel(middle) for middle in middles]
    assert shown == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
    labels = whole.crop((0, down - 40, whole.width, down - 4)).convert("L")
    others = strip({step + 1: one for step, one in pictures.items()})
    assert labels != others.crop((0, down - 40, whole.width, down - 4)).convert("L")


@pytest.mark.parametrize("steps", [4, 100, 101, 250])
def test_the_strip_of_a_film_ends_with_its_last_frame(steps: int, tmp_path: Path) -> None:
    every = -(-steps // MOST_FRAMES)
    shown = [*range(0, steps, every), steps]
    frames = [Image.new("L", (60, 40), 250 * step // steps).convert("RGB") for step in shown]
    frames[0].save(tmp_path / "film.webp", save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(tmp_path / "film.webp") as film:
        whole = strip_of_film(film, steps).convert("L")
    columns, rows = 3, -(-min(MOMENTS, len(shown)) // 3)
    width, height = whole.width // columns, whole.height // rows
    place = min(MOMENTS, len(shown)) - 1
    middle = (place % columns * width + width // 2, place // columns * height + height // 3)
    first = whole.getpixel((width // 2, height // 3))
    assert first == 0 and whole.getpixel(middle) == 250


def test_the_strip_of_a_part_shows_that_part(tmp_path: Path) -> None:
    frames = [Image.new("L", (60, 40), 10 * step).convert("RGB") for step in range(21)]
    frames[0].save(tmp_path / "film.webp", save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(tmp_path / "film.webp") as film:
        part = strip_of_film(film, 20, slice(5, 9)).convert("L")
    shown = {step: frames[step] for step in (5, 6, 7, 8, 9)}
    assert part.tobytes() == strip(shown).convert("L").tobytes()
