"""Fitness of the acrobot: crossing the line, soon; otherwise, how high the tip came."""

from typing import Any

import numpy as np

LINE = 1.0  # over the bar, in lengths of a link
LOWEST = -2.0
STEP_LIMIT = 500


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 for the line plus up to 0.1 for the time left; otherwise at most 0.5, by height."""
    # Crossing the line is the only thing that terminates an episode of this environment.
    if episode.terminated:
        return 0.9 + 0.1 * (1.0 - len(episode) / STEP_LIMIT), True
    highest = float(np.max(episode.fields["tip_height"]))
    return 0.5 * (highest - LOWEST) / (LINE - LOWEST), False
