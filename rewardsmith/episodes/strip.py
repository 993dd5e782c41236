"""A strip: moments of an episode in time order, as one image for a person or for a model.

It chooses the moments and joins their pictures, which :mod:`rewardsmith.episodes.replay` takes, or
a film has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from rewardsmith.episodes.pictures import MOST_FRAMES

MOMENTS = 6
_COLUMNS = 3
_HEIGHT, _NARROWEST, _WIDEST = 240, 240, 360  # pixels of a picture
_LABEL, _FONT, _GAP = 42, 28, 6  # pixels
_GROUND, _INK = "#1c2126", "#e8ebee"


def moments(steps: int) -> list[int]:
    """After how many steps of an episode a picture is taken: evenly spread over all of it.

    Args:
        steps: of the episode.

    Returns:
        At most :data:`MOMENTS` different numbers in order, from 0, the state after the reset, to
        ``steps``, the last state.
    """
    return sorted({round(float(at)) for at in np.linspace(0, steps, MOMENTS)})


def strip(pictures: Mapping[int, Image.Image]) -> Image.Image:
    """Pictures in rows of three, each with the number of steps before it printed under it.

    Args:
        pictures: steps -> picture of any size, at least one.
    """
    size = _size(pictures.values())
    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    across, down = size[0] + _GAP, size[1] + _LABEL
    whole = Image.new("RGB", (columns * across + _GAP, rows * down + _GAP), _GROUND)
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(_FONT)
    last = max(pictures)
    for place, (step, picture) in enumerate(sorted(pictures.items())):
        left, top = _GAP + place % columns * across, _GAP + place // columns * down
        whole.paste(ImageOps.pad(picture.convert("RGB"), size, color=_GROUND), (left, top))
        label = f"step {step} (last)" if step == last else f"step {step}"
        middle = (left + size[0] // 2, top + size[1] + (_LABEL - _GAP) // 2)
        draw.text(middle, label, _INK, font, anchor="mm")
    return whole


def strip_of_film(film: Image.Image, steps: int, part: slice = slice(None)) -> Image.Image:
    """The strip of a film, whose frames are every k-th step and the last one.

    Args:
        film: with several frames.
        steps: of the episode.
        part: the steps that are shown; all by default.
    """
    first, stop, _ = part.indices(steps)
    every = -(-steps // MOST_FRAMES)
    shown = [min(number * every, steps) for number in range(getattr(film, "n_frames", 1))]
    pictures = {}
    for wanted in moments(stop - first):
        number = min(range(len(shown)), key=lambda n: abs(shown[n] - first - wanted))
        film.seek(number)
        pictures[shown[number]] = film.convert("RGB")
    return strip(pictures)


def _size(pictures: Iterable[Image.Image]) -> tuple[int, int]:
    """Of each picture in a strip: as wide as the widest one at a common height."""
    shape = max(picture.width / picture.height for picture in pictures)
    return min(_WIDEST, max(_NARROWEST, round(_HEIGHT * shape))), _HEIGHT
