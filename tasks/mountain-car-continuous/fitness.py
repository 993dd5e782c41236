"""Fitness on the mountain: reaching the flag, soon; otherwise, how far up the car came."""

from typing import Any

import numpy as np

FLAG = 0.45
STEP_LIMIT = 999


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 for the flag plus up to 0.1 for the time left; otherwise at most 0.5, by height."""
    # Standing at the flag is the only thing that terminates an episode of this environment.
    if episode.terminated:
        return 0.9 + 0.1 * (1.0 - len(episode) / STEP_LIMIT), True
    farthest_right = float(np.max(episode.fields["position"]))
    return 0.5 * share_of_climb(farthest_right), False


def share_of_climb(position: float) -> float:
    """How much of the climb from the valley floor to the flag a position on the right slope is."""
    # The hill is sin(3 x); its floor is at x = -pi / 6.
    return float((np.sin(3 * position) + 1) / (np.sin(3 * FLAG) + 1))
