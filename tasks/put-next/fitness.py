"""Fitness: the one thing put next to the other, soon; otherwise, having held it, and nearness."""

from typing import Any

import numpy as np

STEP_LIMIT = 72
FARTHEST = 6  # steps between opposite corners of the room


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 for the mission plus up to 0.1 for the time left; otherwise 0.2 for holding the thing,
    0.2 for nearness.
    """
    # Putting it there is the only thing that terminates an episode of this environment.
    if episode.terminated:
        return 0.9 + 0.1 * (1.0 - len(episode) / STEP_LIMIT), True
    fields = episode.fields
    held = bool(np.any(fields["holding_moved"]))
    apart = np.abs(fields["moved_x"] - fields["fixed_x"]) + np.abs(
        fields["moved_y"] - fields["fixed_y"]
    )
    return 0.2 * held + 0.2 * held * (1.0 - float(apart[-1]) / FARTHEST), False
