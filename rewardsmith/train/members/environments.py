"""The environments of one member that learns off-policy: what is stored, and what is seen.

As in Stable-Baselines3 the memory holds numbers from before VecNormalize, which are normalised when
they are drawn, with the statistics of that moment.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from rewardsmith.train.members.features import Features
from rewardsmith.train.members.replay import Batch
from rewardsmith.types import Array, TrainingState


class Stepped(NamedTuple):
    """What a vector step gave, before VecNormalize.

    Attributes:
        rewards: shape (n,).
        dones: where an episode ended, but not by a time limit, shape (n,).
        next_observations: the last ones of their episodes where these ended, shape (n, inputs).
    """

    rewards: Array
    dones: Array
    next_observations: Array


class Environments:
    """The environments of a member.

    Args:
        venv: with VecNormalize on top or without.
        normalising: the VecNormalize, if there is one.
        handle_timeouts: whether an episode that a time limit ended counts as going on.

    Attributes:
        seen: the latest observations as the networks read them, shape (n, inputs).
        original: the same before VecNormalize.
        over: where the latest step ended an episode, by a time limit too, shape (n,).
    """

    def __init__(
        self, venv: VecEnv, normalising: VecNormalize | None, handle_timeouts: bool
    ) -> None:
        self.venv, self._normalising, self._handle_timeouts = venv, normalising, handle_timeouts
        self._features = Features(venv.observation_space)
        self.over = np.zeros(venv.num_envs, bool)
        self.seen = self.original = np.zeros((venv.num_envs, self._features.width), np.float32)

    def begin(self) -> None:
        """Reset all."""
        self._take(self.venv.reset())

    def state(self) -> TrainingState:
        """What was seen last."""
        return TrainingState({"seen": self.seen, "original": self.original}, {})

    def restore(self, state: TrainingState) -> None:
        """Go on from there."""
        self.seen, self.original = state.arrays["seen"], state.arrays["original"]

    def finish_step(self) -> Stepped:
        """Wait for the step that was sent to the environments, and see what it gave."""
        obs, rewards, dones, infos = self.venv.step_wait()
        self.over = dones
        normalising = self._normalising
        if normalising is not None:
            rewards = normalising.old_reward
        self._take(obs)
        if not dones.any():
            return Stepped(rewards, dones, self.original)
        ended, following = dones.copy(), self.original.copy()
        for row in np.flatnonzero(dones).tolist():
            info = infos[row]
            if self._handle_timeouts and info.get("TimeLimit.truncated", False):
                ended[row] = False
            last = info.get("terminal_observation")
            if last is not None:
                if normalising is not None:
                    last = normalising.unnormalize_obs(last)
                following[row] = self._features.of_one(last)
        return Stepped(rewards, ended, following)

    def normalise(self, batch: Batch) -> None:
        """Normalise transitions drawn from the memory, in place."""
        for rows in (batch.observations, batch.next_observations):
            self.normalise_observations(rows)
        if self._normalising is not None and self._normalising.norm_reward:
            batch.rewards[...] = self._normalising.normalize_reward(batch.rewards)

    def normalise_observations(self, rows: Array) -> None:
        """Normalise observations from the memory, shape (B, inputs), in place."""
        normalising = self._normalising
        if normalising is None:
            return
        for key, running in _running(normalising).items():
            columns = self._features.columns(key)
            mean, deviation = running.mean.ravel(), np.sqrt(running.var + normalising.epsilon)
            most, some = normalising.clip_obs, rows[:, columns]
            np.clip((some - mean) / deviation.ravel(), -most, most, out=some, casting="unsafe")

    def _take(self, obs: Any) -> None:
        self.seen = self._features(obs)
        normalising = self._normalising
        self.original = self.seen if normalising is None else self._features(normalising.old_obs)


def normalises_numbers_only(normalising: VecNormalize) -> bool:
    """Whether what is normalised is stored as it is, so that it can be normalised when drawn."""
    space: Any = normalising.observation_space
    keys = list(_running(normalising))
    return all(isinstance(space[key] if key else space, spaces.Box) for key in keys)


def _running(normalising: VecNormalize) -> dict[str, RunningMeanStd]:
    """Running statistics by the key of a Dict; the empty key for a plain observation."""
    if not normalising.norm_obs:
        return {}
    statistics: Any = normalising.obs_rms
    return statistics if isinstance(statistics, dict) else {"": statistics}
