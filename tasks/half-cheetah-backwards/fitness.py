"""Fitness of the cheetah: how fast it runs backwards, on its feet."""

from typing import Any

import numpy as np

LEVEL = np.cos(np.radians(60))
GOOD = 4.0  # m/s


def fitness(episode: Any) -> tuple[float, bool]:
    """Mean backward speed over all steps; those in which the body is turned over count as standing
    still.
    """
    speed = -episode.fields["x_velocity"][1:]
    on_feet = np.cos(episode.fields["pitch"][1:]) > LEVEL
    # Movement forwards counts against it however the body lies, so that nothing is won by turning
    # over in time.
    mean = float(np.mean(np.where(on_feet, speed, np.minimum(speed, 0.0))))
    return mean, mean >= GOOD
