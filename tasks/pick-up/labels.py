"""What holds after each step, for audits of subgoals; programs never see it."""

from typing import Any

import numpy as np


def labels(episode: Any) -> dict[str, np.ndarray]:
    """The wanted thing near, and right ahead."""
    after = {name: values[1:] for name, values in episode.fields.items()}
    steps = np.abs(after["agent_x"] - after["target_x"]) + np.abs(
        after["agent_y"] - after["target_y"]
    )
    return {"near": np.asarray(steps <= 1), "ahead": np.asarray(after["facing_target"], bool)}
