"""A program's reward in the place of the native one, one call per vector step.

The wrapper stands directly above the recorded environments and below VecNormalize. The native reward, the
terms and whole episodes are kept beside it; nothing of them enters the observations or the learner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from rewardsmith.errors import ProgramError
from rewardsmith.recorder import History
from rewardsmith.train.vectors import buffers_of
from rewardsmith.types import Episode, Evaluator, FloatArray


@dataclass(frozen=True)
class TrainingEpisode:
    """What one finished training episode came to; returns are undiscounted sums.

    Attributes:
        episode: as the recorder saw it; None when the wrapper keeps no history.
    """

    own_return: float
    native_return: float
    length: int
    terms: dict[str, float] = field(default_factory=dict)
    episode: Episode | None = None


class VecReward(VecEnvWrapper):
    """Replaces the rewards of recorded environments by a program's.

    Args:
        venv: made by :func:`rewardsmith.make_vec_env`.
        program: applied once per vector step to columns of shape (n_envs, ...); None leaves the native
            reward in place and records all the same.
        gamma: the learner's discount; potentials need it, and a mismatch would void their guarantee.
        history: keep whole episodes, for fitness along training.

    Raises:
        UsageError: ``venv`` has no recorder, or stands above VecNormalize or VecFrameStack.

    ``step_wait`` raises ProgramError when the program breaks or returns a value that is not finite.
    """

    def __init__(self, venv: VecEnv, program: Evaluator | None, gamma: float, *, history: bool = False) -> None:
        super().__init__(venv)
        self.program = program
        self.gamma = gamma
        self.buffers = buffers_of(venv)
        self.finished: list[TrainingEpisode] = []
        self._history = History(self.buffers) if history else None
        self._clear(np.ones(self.num_envs, bool))

    def reset(self) -> Any:
        """Reset all environments; episodes that were under way are forgotten."""
        obs = self.venv.reset()
        self.buffers.begin()
        if self._history is not None:
            self._history.restart()
        self._clear(np.ones(self.num_envs, bool))
        return obs

    def step_wait(self) -> Any:
        """Finish the step and put the program's reward in the place of the native one."""
        obs, _, dones, infos = self.venv.step_wait()
        total, terms = self._rewards()
        self._own += total
        self._native += self.buffers.native_reward
        self._length += 1
        for name, values in terms.items():
            sums = self._terms.get(name)
            if sums is None:
                self._terms[name] = sums = np.zeros(self.num_envs)
            sums += values
        episodes = dict(self._history.add(dones)) if self._history is not None else {}
        if dones.any():
            for row in np.flatnonzero(dones):
                self._finish(int(row), infos[row], episodes.get(int(row)))
            self._clear(dones)
        self.buffers.advance()
        return obs, total.astype(np.float32), dones, infos

    @property
    def term_names(self) -> list[str]:
        """Names of the terms seen so far, in the program's order."""
        return list(self._terms)

    def take_finished(self) -> list[TrainingEpisode]:
        """The episodes that ended since the last call."""
        taken, self.finished = self.finished, []
        return taken

    def _rewards(self) -> tuple[FloatArray, Any]:
        if self.program is None:
            return self.buffers.native_reward.copy(), {}
        output = self.program(self.buffers.columns(self.program.arguments))
        if not np.isfinite(output.total).all():
            row = int(np.flatnonzero(~np.isfinite(output.total))[0])
            inputs = {name: np.asarray(self.buffers.column(name)[row]).tolist() for name in self.program.arguments}
            raise ProgramError(
                f"the reward became {output.total[row]} during training, for {inputs}",
                "guard divisions, logarithms and powers",
                reason="output",
            )
        return output.total, output.terms

    def _finish(self, row: int, info: dict[str, Any], episode: Episode | None) -> None:
        own, length = float(self._own[row]), int(self._length[row])
        info["episode"] = {"r": own, "l": length, "t": 0.0}  # what SB3's own logging looks for
        terms = {name: float(sums[row]) for name, sums in self._terms.items()}
        self.finished.append(TrainingEpisode(own, float(self._native[row]), length, terms, episode))

    def _clear(self, rows: Any) -> None:
        if not hasattr(self, "_own"):
            self._own, self._native = np.zeros(self.num_envs), np.zeros(self.num_envs)
            self._length = np.zeros(self.num_envs, np.int64)
            self._terms: dict[str, FloatArray] = {}
        for sums in (self._own, self._native, self._length, *self._terms.values()):
            sums[rows] = 0
