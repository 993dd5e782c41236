"""What counts for the hopper: the highest jump that it landed."""

from typing import Any

import numpy as np

ON_GROUND = 0.01  # m
STANDS_FOR = 25  # steps after the foot came down, 0.2 s
GOOD = 0.3  # m


def fitness(episode: Any) -> tuple[float, bool]:
    """The greatest foot clearance of a flight after which the hopper stayed up."""
    clearance = episode.fields["foot_clearance"]
    down = np.flatnonzero(clearance < ON_GROUND)
    last_landing = len(clearance) - 1 - STANDS_FOR  # of one that can be told to have held
    landed = down[down <= last_landing] if episode.terminated else down[down <= len(clearance) - 1]
    if not len(landed):
        return 0.0, False
    highest = float(max(0.0, clearance[: landed[-1] + 1].max()))
    return highest, highest >= GOOD
