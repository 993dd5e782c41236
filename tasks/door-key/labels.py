"""What holds after each step, for audits of subgoals; programs never see it."""

from typing import Any

import numpy as np


def labels(episode: Any) -> dict[str, np.ndarray]:
    """The key in hand, the door open, the agent in the far room."""
    after = {name: values[1:] for name, values in episode.fields.items()}
    return {
        "key taken": np.asarray(after["carrying_key"], bool),
        "door opened": np.asarray(after["door_open"], bool),
        "door passed": np.asarray(after["agent_x"] > after["door_x"], bool),
    }
