"""Recorded episodes played again, to see them.

An episode is a function of the seed of a reset and of the actions since, as Gymnasium asks. An
environment need not obey, so what is played again is compared with the record, and a picture of
another episode is never returned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from PIL import Image

from rewardsmith.episodes.pictures import RENDER_MODE, check_draws, picture
from rewardsmith.episodes.recorder import Buffers, History, Recorder
from rewardsmith.errors import UsageError
from rewardsmith.task.environment import guarded_reset, guarded_step, make_env
from rewardsmith.task.layout import make_layout
from rewardsmith.task.loading import Task
from rewardsmith.types import Array, Episode

_DIFFERS = (
    "the episode could not be played again: with the same seed and the same actions the "
    "environment did something else"
)
_HINT = "let it draw all random numbers from self.np_random, and reset all of its state"


class Take(NamedTuple):
    """How an episode came about.

    Attributes:
        seed: of a reset.
        episodes: all since that reset; the last one is the episode itself.
    """

    seed: int
    episodes: Sequence[Episode]


class Replayer:
    """Plays takes again in an environment that draws itself.

    The environment is the bare one: the recorded actions are those that the task's own wrappers
    passed on.

    Raises:
        UsageError: the environment cannot draw itself as an array.
        BoundaryError: it cannot be made.
    """

    def __init__(self, task: Task) -> None:
        with closing(make_env(task)) as plain:
            check_draws(plain)
        bare = make_env(task, RENDER_MODE)
        try:
            self._buffers = Buffers(make_layout(task, bare), 1)
        except BaseException:
            bare.close()
            raise
        self._env: gym.Env[Any, Any] = Recorder(bare, self._buffers.layout, self._buffers, 0)
        self._history = History(self._buffers)

    def close(self) -> None:
        """Close the environment."""
        self._env.close()

    def pictures(self, take: Take, moments: Collection[int]) -> dict[int, Image.Image]:
        """Pictures of the last episode of a take.

        Args:
            moments: steps after which one is taken; 0 is the state after the reset.

        Returns:
            steps -> picture.

        Raises:
            UsageError: the episode cannot be played again.
            BoundaryError: the environment fails, or cannot draw.
        """
        *earlier, episode = take.episodes
        guarded_reset(self._env, take.seed)
        for other in earlier:
            self._play(other, ())
            guarded_reset(self._env)
        return self._play(episode, moments)

    def _play(self, episode: Episode, moments: Collection[int]) -> dict[int, Image.Image]:
        self._buffers.begin()
        self._history.restart()
        taken = {0: picture(self._env)} if 0 in moments else {}
        ended: list[tuple[int, Episode]] = []
        for step, action in enumerate(self._actions(episode), 1):
            _, _, terminated, truncated, _ = guarded_step(self._env, action)
            ended = self._history.add(np.array([step == len(episode)]))
            if step in moments:
                taken[step] = picture(self._env)
            if terminated or truncated:
                break
            self._buffers.advance()
        if not ended or not _same(ended[0][1], episode):
            raise UsageError(_DIFFERS, _HINT)
        return taken

    def _actions(self, episode: Episode) -> Array:
        """In the numbers of the action space, where nothing is lost: the recorder keeps float64."""
        actions = episode.actions.astype(self._env.action_space.dtype)
        return actions if np.array_equal(actions, episode.actions) else episode.actions


def _same(found: Episode, recorded: Episode) -> bool:
    """Whether two episodes agree in every number that was recorded."""
    return (
        (found.terminated, found.truncated) == (recorded.terminated, recorded.truncated)
        and np.array_equal(found.native_rewards, recorded.native_rewards)
        and found.fields.keys() == recorded.fields.keys()
        and all(np.array_equal(found.fields[name], recorded.fields[name]) for name in found.fields)
    )
