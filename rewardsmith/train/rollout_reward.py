"""A reward for on-policy learning, computed once per rollout instead of once per step.

A call of a program host costs about 0.1 ms for any number of transitions, most of it to wake the
other process. An on-policy learner reads rewards only when its rollout is full. So the learner gets
zeros until then; the whole rollout is valued in one call, normalised step by step as VecNormalize
would have done, and put into the rollout buffer, whose returns are computed again. The result is
the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from rewardsmith.train.rewards import TrainingEpisode, reward_block
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.types import Array, Episode, FloatArray, TrainingState


class _Step(NamedTuple):
    """What is kept of one vector step until the rollout is full."""

    columns: list[Array]
    native: FloatArray
    dones: Array
    episodes: dict[int, Episode]


class RolloutReward(VecReward):
    """A :class:`VecReward` whose ``step_wait`` gives zeros; :meth:`settle` gives the rewards."""

    def step_wait(self) -> Any:
        """Finish the step and keep what the reward will be computed from."""
        obs, _, dones, infos = self.venv.step_wait()
        views = self.buffers.columns(self.reward.arguments)
        columns = [view.copy() for view in views.values()]
        episodes = dict(self.history.add(dones)) if self.history is not None else {}
        self._steps.append(_Step(columns, self.buffers.native_reward.copy(), dones, episodes))
        self.buffers.advance()
        return obs, np.zeros(self.num_envs, np.float32), dones, infos

    def reset(self) -> Any:
        """Reset all environments; steps that were kept are forgotten."""
        self._steps: list[_Step] = []
        return super().reset()

    def restore(self, state: TrainingState) -> None:
        """Go on from between two rollouts; the environments below are already where they were."""
        self._steps = []
        super().restore(state)

    def settle(self) -> tuple[FloatArray, Array, list[TrainingEpisode]]:
        """Compute the rewards of all steps since the last call.

        Returns:
            Rewards and episode ends, each of shape (T, n), and the episodes that ended.

        Raises:
            ProgramError: the program breaks, or returns a value that no learner can use.
        """
        steps, self._steps = self._steps, []
        parts = zip(*(step.columns for step in steps), strict=True)  # of each argument
        columns = {
            name: np.concatenate(part)
            for name, part in zip(self.reward.arguments, parts, strict=True)
        }
        block = reward_block(self.reward, columns, (len(steps), self.num_envs))
        dones = np.stack([step.dones for step in steps])
        native = np.stack([step.native for step in steps])
        found = self.sums.add(block, native, dones, _episodes(steps))
        total = block.total
        if self.exploiter is not None:
            total = self.exploiter.corrected(total, found)
        ended = [each.episode for each in found]
        self.finished += ended
        return total, dones, ended


def _episodes(steps: Sequence[_Step]) -> dict[tuple[int, int], Episode]:
    """(step, environment) -> the whole episode that ended there."""
    return {
        (t, row): episode for t, step in enumerate(steps) for row, episode in step.episodes.items()
    }


class RolloutNormalize(VecNormalize):
    """A VecNormalize that normalises rewards when the rollout is settled, not at every step."""

    def reset(self) -> Any:
        """Reset all environments; discounted returns restart."""
        self._carried = np.zeros(self.num_envs)  # discounted returns at the last settled step
        return super().reset()

    @property
    def carried(self) -> FloatArray:
        """Discounted returns at the last settled step, shape (n,)."""
        return self._carried

    @carried.setter
    def carried(self, returns: FloatArray) -> None:
        self._carried = returns

    def step_wait(self) -> Any:
        """Finish the step and normalise observations; the zero of a step is not a reward."""
        obs, rewards, dones, infos = self.venv.step_wait()
        if not self.norm_obs:
            return obs, rewards, dones, infos
        if isinstance(self.obs_rms, dict):
            for key, running in self.obs_rms.items():
                running.update(obs[key])
        else:
            self.obs_rms.update(obs)
        for row in np.flatnonzero(dones).tolist():
            infos[row]["terminal_observation"] = self.normalize_obs(
                infos[row]["terminal_observation"]
            )
        return self.normalize_obs(obs), rewards, dones, infos  # type: ignore[arg-type]

    def normalise_rollout(self, rewards: FloatArray, dones: Array) -> Array:
        """Normalise rewards of shape (T, n) step by step, and update the statistics."""
        rewards = rewards.astype(np.float32)
        if not self.norm_reward:
            return rewards
        returns = np.empty(rewards.shape)
        for t, reward in enumerate(rewards):
            self._carried = self._carried * self.gamma + reward
            returns[t] = self._carried
            self._carried[dones[t]] = 0
        variances = np.empty((len(rewards), 1))
        means, spreads = returns.mean(axis=1).tolist(), returns.var(axis=1).tolist()
        for t, (mean, spread) in enumerate(zip(means, spreads, strict=True)):
            self.ret_rms.update_from_moments(mean, spread, self.num_envs)
            variances[t] = self.ret_rms.var
        scaled = rewards / np.sqrt(variances + self.epsilon)
        return np.clip(scaled, -self.clip_reward, self.clip_reward).astype(np.float32)


def settled(rewarded: RolloutReward, venv: VecEnv) -> tuple[Array, list[TrainingEpisode]]:
    """The rewards of a full rollout as a learner gets them, shape (T, n), and what ended in it.

    Args:
        venv: the top of the stack, which may normalise rewards.

    Raises:
        ProgramError: the program breaks, or returns a value that no learner can use.
    """
    rewards, dones, ended = rewarded.settle()
    if isinstance(venv, RolloutNormalize):
        return venv.normalise_rollout(rewards, dones), ended
    return rewards, ended


class SettleRollout(BaseCallback):
    """Puts the program's rewards into the rollout buffer when a rollout is full."""

    def __init__(self, rewarded: RolloutReward) -> None:
        super().__init__()
        self._rewarded = rewarded

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        model = self.model
        assert isinstance(model, PPO)
        rewards, ended = settled(self._rewarded, self.training_env)
        buffer = model.rollout_buffer
        buffer.rewards += rewards  # it holds what SB3 adds where a time limit cut an episode
        buffer.compute_returns_and_advantage(
            last_values=self.locals["values"], dones=self.locals["dones"]
        )
        if model.ep_info_buffer is not None:
            model.ep_info_buffer.extend(episode.for_logging() for episode in ended)
