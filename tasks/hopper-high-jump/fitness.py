"""Fitness of the hopper: the highest jump from the spot that it landed."""

from itertools import pairwise
from typing import Any

import numpy as np

STANDING = 1.21  # m, height of the torso on a straight leg
ON_GROUND = 0.01  # m
STANDS_FOR = 50  # steps after the foot came down, 0.4 s
GOOD = 0.3  # m


def fitness(episode: Any) -> tuple[float, bool]:
    """The best flight after which the hopper stayed up: its height less its distance from the spot
    at the landing.
    """
    clearance, away = (
        episode.fields["foot_clearance"],
        np.abs(episode.fields["x"] - episode.fields["x"][0]),
    )
    # Foot and torso must both be up: drawing up the leg while falling is no jump, nor is standing
    # on tiptoe.
    height = np.minimum(clearance, episode.fields["torso_height"] - STANDING)
    # From one moment on the ground to the next: an episode begins with the foot over it, which is
    # no jump.
    down = np.flatnonzero(clearance < ON_GROUND)
    jumps = [
        height[left:landed].max() - away[landed]
        for left, landed in pairwise(down)
        if landed > left + 1 and landed < len(clearance) - STANDS_FOR
    ]
    best = float(max(jumps, default=0.0))
    return max(0.0, best), best >= GOOD
