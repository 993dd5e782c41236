"""A reward in the place of the native one, valued once per vector step.

The wrapper stands directly above the recorded environments and below VecNormalize. The native
reward, the terms and whole episodes are kept beside it; nothing of them enters the observations or
the learner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from rewardsmith.episodes.recorder import History
from rewardsmith.errors import UsageError
from rewardsmith.terms.reward import Reward, as_reward
from rewardsmith.train.exploiter import Exploiter
from rewardsmith.train.rewards import EpisodeSums, TrainingEpisode, reward_block
from rewardsmith.train.vectors import buffers_of
from rewardsmith.types import Evaluator, FloatArray, TrainingState

# keys of info at the end of an episode
TERM_SUMS = "reward_term_sums"
NATIVE_RETURN = "native_return"


class VecReward(VecEnvWrapper):
    """Replaces the rewards of recorded environments by a sum of terms.

    Args:
        venv: made by :func:`rewardsmith.make_vec_env`, or a wrapper above it in which the reward's
            terms observe each step.
        program: a program, or a whole reward; applied once per vector step to columns of shape
            (n_envs, ...). None leaves the native reward in place and records all the same.
        gamma: the learner's discount; potentials need it, and a mismatch would void their
            guarantee.
        history: keep whole episodes, for fitness along training.
        exploiter: corrects the returns of successful episodes; needs ``history``.

    Attributes:
        own_rewards: rewards of the latest step without subgoals and the change of a potential,
            shape (n_envs,); their sum, the own return, ranks checkpoints.

    Raises:
        UsageError: ``venv`` has no recorder, or stands above VecNormalize or VecFrameStack; or a
            potential was opened with another discount.

    The last ``info`` of an episode has the sum of each term (``reward_term_sums``) and that of the
    native reward (``native_return``).

    ``step_wait`` raises ProgramError when the program breaks or returns a value that no learner can
    use.

    Example:
        program = rs.load_program("reward.py", "mountain-car")
        venv = rs.VecReward(rs.make_vec_env("mountain-car", 16, seed=0), program, gamma=0.99)
    """

    def __init__(
        self,
        venv: VecEnv,
        program: Reward | Evaluator | None,
        gamma: float,
        *,
        history: bool = False,
        exploiter: Exploiter | None = None,
    ) -> None:
        super().__init__(venv)
        self.reward = as_reward(program)
        if self.reward.gamma not in (None, gamma):
            raise UsageError(
                f"the program's potential uses the discount {self.reward.gamma:g}, "
                f"the learner's is {gamma:g}",
                "give both the same: another one changes the optimal policy",
            )
        self.gamma = gamma
        self.buffers = buffers_of(venv)
        self.own_rewards = np.zeros(self.num_envs)
        self._latest: Mapping[str, FloatArray] = {}
        self.finished: list[TrainingEpisode] = []
        self.sums = EpisodeSums(self.num_envs)
        self.history = History(self.buffers) if history else None
        self.exploiter = exploiter

    def reset(self) -> Any:
        """Reset all environments; episodes that were under way are forgotten."""
        obs = self.venv.reset()
        self.buffers.begin()
        if self.history is not None:
            self.history.restart()
        self.sums = EpisodeSums(self.num_envs)
        return obs

    def step_wait(self) -> Any:
        """Finish the step and put the reward in the place of the native one."""
        obs, _, dones, infos = self.venv.step_wait()
        columns = self.buffers.columns(self.reward.arguments)
        block = reward_block(self.reward, columns, (1, self.num_envs))
        self.own_rewards = block.ranked[0]
        self._latest = block.terms
        kept = self.history.add(dones) if self.history is not None else []
        episodes = {(0, row): episode for row, episode in kept}
        native = self.buffers.native_reward
        all_ended = self.sums.add(block, native[None], dones[None], episodes)
        for ended in all_ended:
            infos[ended.row] |= {
                "episode": ended.episode.for_logging(),
                TERM_SUMS: ended.episode.terms,
                NATIVE_RETURN: ended.episode.native_return,
            }
            self.finished.append(ended.episode)
        total = block.total
        if self.exploiter is not None:
            total = self.exploiter.corrected(total, all_ended)
        self.buffers.advance()
        return obs, total[0].astype(np.float32), dones, infos

    @property
    def term_names(self) -> list[str]:
        """Names of the terms seen so far, in the reward's order."""
        return list(self.sums.terms)

    @property
    def latest_terms(self) -> dict[str, FloatArray]:
        """Term -> its values in the latest step, shape (n_envs,)."""
        return {name: values[0] for name, values in self._latest.items()}

    def state(self) -> TrainingState:
        """What is kept of the episodes under way, once the finished ones are taken."""
        assert self.history is not None, "only a training is continued"
        return TrainingState.joined(
            buffers=self.buffers.state(), history=self.history.state(), sums=self.sums.state()
        )

    def restore(self, state: TrainingState) -> None:
        """Go on from there; the environments below are already where they were."""
        assert self.history is not None, "only a training is continued"
        self.buffers.restore(state.part("buffers"))
        self.history.restore(state.part("history"))
        self.sums.restore(state.part("sums"))

    def take_finished(self) -> list[TrainingEpisode]:
        """The episodes that ended since the last call."""
        taken, self.finished = self.finished, []
        return taken
