"""Observations of the policy: the room around the agent, with the things of the mission marked."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

REACH = 3  # cells to each side: as far as two cells within the outer wall can lie apart
BLOCKED, MOVED, FIXED = 1, 2, 4  # what is said of a cell, as bits


class Around(gymnasium.ObservationWrapper[NDArray[np.float32], int, Any]):
    """The cells around the agent, turned so that it looks up, and what it holds.

    Observation: Box(0, 1, (3 * 7 * 7 + 2,)): three pictures of 7 x 7 cells, row by row, the agent
        in the middle: where there is a wall or a thing, where a thing is that the mission says to
        move, where one that it is to be put next to. Then 1 while a thing to be moved is held, and
        1 while any other is.
    """

    def __init__(self, env: gymnasium.Env[Any, int]) -> None:
        super().__init__(env)
        self.observation_space = spaces.Box(
            0.0, 1.0, shape=(3 * (2 * REACH + 1) ** 2 + 2,), dtype=np.float32
        )

    def observation(self, observation: dict[str, Any]) -> NDArray[np.float32]:
        env: Any = self.env.unwrapped
        moved, fixed = observation["mission"].split(" next to ")
        cells = np.array([said_of(thing, moved, fixed) for thing in env.grid.grid]).reshape(
            env.height, env.width
        )
        x, y = env.agent_pos
        near = np.pad(cells, REACH, constant_values=BLOCKED)[
            y : y + 2 * REACH + 1, x : x + 2 * REACH + 1
        ]
        near = np.rot90(
            near, env.agent_dir + 1
        )  # direction 0 is right: a quarter turn to the left makes it up
        pictures = (near & np.array([BLOCKED, MOVED, FIXED])[:, None, None]) > 0
        held = said_of(env.carrying, moved, fixed)
        return np.append(
            pictures.ravel(), [held & MOVED > 0, held > 0 and not held & MOVED]
        ).astype(np.float32)


def said_of(thing: Any, moved: str, fixed: str) -> int:
    """What of a thing matters for a mission, as bits; the two phrases end in colour and kind."""
    if thing is None:
        return 0
    name = f"{thing.color} {thing.type}"
    return BLOCKED + MOVED * moved.endswith(name) + FIXED * fixed.endswith(name)
