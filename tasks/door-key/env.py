"""What the policy sees: both rooms, from where the agent stands and looks."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

REACH = 3  # cells to each side: as far as two cells within the outer wall can lie apart
SEEN = ("wall", "key", "closed door", "open door", "goal")


class Around(gymnasium.ObservationWrapper[NDArray[np.float32], int, Any]):
    """The cells around the agent, turned so that it looks up, and whether it carries the key.

    Observation: Box(0, 1, (len(SEEN) * 7 * 7 + 1,)): for each kind in SEEN a picture of 7 x 7
        cells, row by row, 1 where such a thing is, the agent in the middle; then 1 while the key is
        carried.
    """

    def __init__(self, env: gymnasium.Env[Any, int]) -> None:
        super().__init__(env)
        size = len(SEEN) * (2 * REACH + 1) ** 2 + 1
        self.observation_space = spaces.Box(0.0, 1.0, shape=(size,), dtype=np.float32)

    def observation(self, observation: Any) -> NDArray[np.float32]:
        env: Any = self.env.unwrapped
        kinds = np.array([kind(thing) for thing in env.grid.grid]).reshape(env.height, env.width)
        x, y = env.agent_pos
        near = np.pad(kinds, REACH, constant_values=SEEN.index("wall"))[
            y : y + 2 * REACH + 1, x : x + 2 * REACH + 1
        ]
        near = np.rot90(
            near, env.agent_dir + 1
        )  # direction 0 is right: a quarter turn to the left makes it up
        pictures = near == np.arange(len(SEEN))[:, None, None]
        return np.append(pictures.ravel(), env.carrying is not None).astype(np.float32)


def kind(thing: Any) -> int:
    """Place in SEEN of what stands in a cell; -1 for nothing."""
    if thing is None:
        return -1
    name = thing.type
    if name == "door":
        name = "open door" if thing.is_open else "closed door"
    return SEEN.index(name)
