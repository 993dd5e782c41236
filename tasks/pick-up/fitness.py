"""Fitness: the wanted thing in hand, soon; nothing for a wrong one; a little for nearness."""

from typing import Any

import numpy as np

STEP_LIMIT = 49
FARTHEST = 8  # steps between opposite corners of the room


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 for the wanted thing plus up to 0.1 for the time left; 0 for another; else at most 0.3,
    by nearness.
    """
    fields = episode.fields
    if fields["holding_target"][-1]:
        return 0.9 + 0.1 * (1.0 - len(episode) / STEP_LIMIT), True
    if fields["holding_other"][-1]:
        return 0.0, False
    steps = np.abs(fields["agent_x"] - fields["target_x"]) + np.abs(
        fields["agent_y"] - fields["target_y"]
    )
    return 0.3 * (1.0 - float(steps[-1] - 1) / FARTHEST), False
