"""A program's reward for on-policy learning, asked for once per rollout instead of once per step.

Asking a program host costs about 0.1 ms however many transitions go in, most of it waking the other
process up. An on-policy learner looks at rewards only when its rollout is full, so until then the
steps are kept and the learner is given zeros; then all of the rollout is asked for in one call,
normalised step by step as VecNormalize would have done, and put into the rollout buffer, whose
returns are computed again. The result is the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecNormalize

from rewardsmith.train.vec_reward import TrainingEpisode, VecReward, finite_output
from rewardsmith.types import Array, Episode, FloatArray, Output


class _Step(NamedTuple):
    """What one vector step leaves behind until the rollout is full."""

    columns: list[Array]
    native: FloatArray
    dones: Array
    episodes: dict[int, Episode]


class RolloutReward(VecReward):
    """A :class:`VecReward` whose ``step_wait`` gives zeros and whose :meth:`settle` gives the rewards."""

    def step_wait(self) -> Any:
        """Finish the step and keep what the program will be asked about."""
        obs, _, dones, infos = self.venv.step_wait()
        assert self.program is not None
        columns = [self.buffers.column(name).copy() for name in self.program.arguments]
        episodes = dict(self.history.add(dones)) if self.history is not None else {}
        self._steps.append(_Step(columns, self.buffers.native_reward.copy(), dones, episodes))
        self.buffers.advance()
        return obs, np.zeros(self.num_envs, np.float32), dones, infos

    def reset(self) -> Any:
        """Reset all environments; what was kept is forgotten."""
        self._steps: list[_Step] = []
        return super().reset()

    def settle(self) -> tuple[FloatArray, Array, list[TrainingEpisode]]:
        """Ask for the rewards of all steps since the last call.

        Returns:
            Rewards and episode ends, each of shape (T, n), and the episodes that ended.

        Raises:
            ProgramError: the program breaks, or returns a value that no learner can use.
        """
        assert self.program is not None
        steps, self._steps = self._steps, []
        columns = {
            name: np.concatenate([step.columns[i] for step in steps])
            for i, name in enumerate(self.program.arguments)
        }
        output = finite_output(self.program, columns)
        shape = (len(steps), self.num_envs)
        total = output.total.reshape(shape)
        terms = {name: values.reshape(shape) for name, values in output.terms.items()}
        ended = [
            episode
            for t, step in enumerate(steps)
            for _, episode in self.sums.add(
                Output(total[t], {name: values[t] for name, values in terms.items()}),
                step.native,
                step.dones,
                step.episodes,
            )
        ]
        self.finished += ended
        return total, np.stack([step.dones for step in steps]), ended


class RolloutNormalize(VecNormalize):
    """A VecNormalize that normalises rewards when the rollout is settled, not when a step gives its zero."""

    def reset(self) -> Any:
        """Reset all environments; discounted returns begin anew."""
        self._carried = np.zeros(
            self.num_envs
        )  # discounted returns at the last step that was settled
        return super().reset()

    def _update_reward(self, reward: Any) -> None:
        """Nothing yet: the zero of a step is no reward."""

    def normalise_rollout(self, rewards: FloatArray, dones: Array) -> Array:
        """Normalise rewards of shape (T, n) in the order of their steps, and take them into the statistics."""
        if not self.norm_reward:
            return rewards.astype(np.float32)
        self.returns = (
            self._carried
        )  # steps since then have reset those of ended episodes too early
        normalised = np.empty(rewards.shape, np.float32)
        for t, reward in enumerate(rewards.astype(np.float32)):
            super()._update_reward(reward)
            normalised[t] = self.normalize_reward(reward)
            self.returns[dones[t]] = 0
        self._carried = self.returns.copy()
        return normalised


class SettleRollout(BaseCallback):
    """Puts the program's rewards into the rollout buffer when a rollout is full."""

    def __init__(self, rewarded: RolloutReward) -> None:
        super().__init__()
        self._rewarded = rewarded

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        rewards, dones, ended = self._rewarded.settle()
        model, venv = self.model, self.training_env
        assert isinstance(model, PPO)
        if isinstance(venv, RolloutNormalize):
            rewards = venv.normalise_rollout(rewards, dones)
        buffer = model.rollout_buffer
        buffer.rewards += (
            rewards  # until now it holds what SB3 adds where a time limit cut an episode
        )
        buffer.compute_returns_and_advantage(
            last_values=self.locals["values"], dones=self.locals["dones"]
        )
        if model.ep_info_buffer is not None:
            model.ep_info_buffer.extend(episode.for_logging() for episode in ended)
