"""What holds after each step, for audits of subgoals; programs never see it."""

from typing import Any

import numpy as np


def labels(episode: Any) -> dict[str, np.ndarray]:
    """The right thing ahead, in hand, and then the other one near."""
    after = {name: values[1:] for name, values in episode.fields.items()}
    held = np.asarray(after["holding_moved"], bool)
    apart = [np.abs(after[f"agent_{axis}"] - after[f"fixed_{axis}"]) for axis in "xy"]
    return {"taken": held, "brought": held & (apart[0] + apart[1] <= 2)}
