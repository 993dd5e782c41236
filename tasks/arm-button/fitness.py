"""Fitness of the button: pressed, soon; otherwise, how near the hand came and how far it
was pressed.
"""

from typing import Any

import numpy as np

STEP_LIMIT = 150


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 for the button plus up to 0.1 for the time left when it was pressed; otherwise at most
    0.6.
    """
    fields = episode.fields
    if fields["success"].any():
        return 0.9 + 0.1 * (1.0 - float(np.argmax(fields["success"])) / STEP_LIMIT), True
    away = np.linalg.norm(fields["hand"] - fields["button"], axis=1)
    left = np.abs(fields["pressed"][:, 1] - fields["button"][:, 1])
    return 0.3 * share_done(away) + 0.3 * share_done(left), False


def share_done(distances: Any) -> float:
    """How much of the first distance was gone when it was least."""
    return float(np.clip(1.0 - distances.min() / distances[0], 0.0, 1.0))
