"""What counts for the hopper: the highest jump that it landed."""

from typing import Any

import numpy as np

STANDING = 1.21  # m, height of the torso on a straight leg
ON_GROUND = 0.01  # m
STANDS_FOR = 25  # steps after the foot came down, 0.2 s
GOOD = 0.3  # m


def fitness(episode: Any) -> tuple[float, bool]:
    """The greatest height of a flight after which the hopper stayed up."""
    clearance = episode.fields["foot_clearance"]
    # Foot and torso must both be up: drawing up the leg while falling is no jump, nor is standing on tiptoe.
    height = np.minimum(clearance, episode.fields["torso_height"] - STANDING)
    down = np.flatnonzero(clearance < ON_GROUND)
    landed = down[down < len(clearance) - STANDS_FOR]
    if not len(landed):
        return 0.0, False
    # An episode begins with the foot a little over the ground, which is no jump either.
    highest = max(0.0, float(height[landed[0] : landed[-1] + 1].max()))
    return highest, highest >= GOOD
