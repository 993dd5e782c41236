"""Observations of the policy: the room around the agent, with the things of the mission marked."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

REACH = 4  # cells to each side: as far as two cells within the outer wall can lie apart
BLOCKED, WANTED = 1, 2  # what is said of a cell, as bits


class Around(gymnasium.ObservationWrapper[NDArray[np.float32], int, Any]):
    """The cells around the agent, turned so that it looks up.

    Observation: Box(0, 1, (2 * 9 * 9,)): two pictures of 9 x 9 cells, row by row, the agent in the
        middle. The first is 1 where there is a wall or a thing, the second where there is a thing
        that the mission's words fit.
    """

    def __init__(self, env: gymnasium.Env[Any, int]) -> None:
        super().__init__(env)
        self.observation_space = spaces.Box(
            0.0, 1.0, shape=(2 * (2 * REACH + 1) ** 2,), dtype=np.float32
        )

    def observation(self, observation: dict[str, Any]) -> NDArray[np.float32]:
        env: Any = self.env.unwrapped
        words = observation["mission"].split()
        cells = np.array([said_of(thing, words) for thing in env.grid.grid]).reshape(
            env.height, env.width
        )
        x, y = env.agent_pos
        near = np.pad(cells, REACH, constant_values=BLOCKED)[
            y : y + 2 * REACH + 1, x : x + 2 * REACH + 1
        ]
        near = np.rot90(
            near, env.agent_dir + 1
        )  # direction 0 is right: a quarter turn to the left makes it up
        pictures = near & np.array([BLOCKED, WANTED])[:, None, None]
        return np.array(pictures > 0, np.float32).ravel()


def said_of(thing: Any, words: list[str]) -> int:
    """What of a cell's content matters for a mission, as bits."""
    if thing is None:
        return 0
    # The colour stands before the kind: "the grey ball", "a ball", "the grey object".
    fits = words[-2] in ("a", "the", thing.color) and words[-1] in (thing.type, "object")
    return BLOCKED + WANTED * (fits and thing.type != "wall")
