"""Fitness of the swing-up: how much of the last ten seconds the pole stands upright."""

from typing import Any

import numpy as np

LAST_STEPS = 250  # the second half of an episode of 500 steps
UPRIGHT = np.cos(np.radians(12))


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 x share of the last half spent upright + 0.1 x the greatest height reached.

    Steps missing because the cart left the track count as steps not upright. Success is a pole
    that stands upright throughout the last half.
    """
    heights = episode.fields["pole_cosine"]  # -1 hanging down, 1 upright
    last_half = heights[1:][LAST_STEPS:]
    upright_share = float(np.sum(last_half > UPRIGHT)) / LAST_STEPS
    greatest_height = float(np.max(heights) + 1) / 2
    return 0.9 * upright_share + 0.1 * greatest_height, upright_share == 1.0
