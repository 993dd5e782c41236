"""Fitness of reaching: the fingertips at the goal, soon; otherwise, how much of the way is
done.
"""

from typing import Any

import numpy as np

STEP_LIMIT = 150


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 for the goal plus up to 0.1 for the time left when it was first reached; otherwise at
    most 0.5.
    """
    there = episode.fields["success"]
    if there[-1]:
        return 0.9 + 0.1 * (1.0 - float(np.argmax(there)) / STEP_LIMIT), True
    away = np.linalg.norm(episode.fields["fingertips"] - episode.fields["goal"], axis=1)
    return 0.5 * max(0.0, 1.0 - float(away[-1] / away[0])), False
