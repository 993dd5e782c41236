"""Fitness of the pendulum: how much of the second half it stands upright and still."""

from typing import Any

import numpy as np

LAST_STEPS = 100  # the second half of an episode
UPRIGHT = np.cos(np.radians(12))
STILL = 0.5  # rad/s


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 x share of the last half spent upright and still + 0.1 x the greatest height reached.

    Success is to be upright and still in nine of ten of these steps: from some starts getting up
    takes three swings.
    """
    heights = episode.fields["height"]  # -1 hanging, 1 upright
    speeds = np.abs(episode.fields["angular_velocity"])
    standing = (heights > UPRIGHT) & (speeds < STILL)
    share = float(np.mean(standing[-LAST_STEPS:]))
    greatest_height = float(np.max(heights) + 1) / 2
    return 0.9 * share + 0.1 * greatest_height, share >= 0.9
