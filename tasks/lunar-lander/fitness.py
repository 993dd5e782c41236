"""Fitness of the lander: at rest on the pad; otherwise, how it ended and how near."""

from typing import Any

import numpy as np

PAD = 0.2  # from the middle to either flag


def fitness(episode: Any) -> tuple[float, bool]:
    """1 on the pad, 0.6 beside it, up to 0.4 for still flying, up to 0.2 for a crash."""
    last = {name: values[-1] for name, values in episode.fields.items()}
    near = float(np.exp(-np.hypot(last["x"], last["y"])))
    if not episode.terminated:
        return 0.4 * near, False
    if not last["at_rest"]:  # its body touched the ground, or it flew off
        return 0.2 * near, False
    # Whether a leg touches is not asked: contacts flicker while it settles, and only on its legs
    # does it come to rest.
    on_pad = abs(float(last["x"])) <= PAD
    return (1.0 if on_pad else 0.6), on_pad
