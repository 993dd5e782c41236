"""A program's reward in the place of the native one, one call per vector step.

The wrapper stands directly above the recorded environments and below VecNormalize. The native
reward, the terms and whole episodes are kept beside it; nothing of them enters the observations or
the learner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from rewardsmith.episodes.recorder import History
from rewardsmith.errors import ProgramError, UsageError
from rewardsmith.parts import ProgramParts
from rewardsmith.train.subgoals import Subgoals
from rewardsmith.train.vectors import buffers_of
from rewardsmith.types import Array, Columns, Episode, Evaluator, FloatArray, Output

LARGEST = 1e18  # learners compute in float32, which ends at 3e38, and square what they are given


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

    def for_logging(self) -> dict[str, float]:
        """The form in which Stable-Baselines3 looks for finished episodes."""
        return {"r": self.own_return, "l": self.length, "t": 0.0}


class VecReward(VecEnvWrapper):
    """Replaces the rewards of recorded environments by a program's.

    Args:
        venv: made by :func:`rewardsmith.make_vec_env`.
        program: applied once per vector step to columns of shape (n_envs, ...); None leaves the
            native reward in place and records all the same.
        gamma: the learner's discount; potentials need it, and a mismatch would void their
            guarantee.
        history: keep whole episodes, for fitness along training.

    Attributes:
        earned: what the last vector step paid but for subgoals and the change of a potential, shape
            (n,).

    Raises:
        UsageError: ``venv`` has no recorder, or stands above VecNormalize or VecFrameStack; or a
            potential was opened with another discount.

    ``step_wait`` raises ProgramError when the program breaks or returns a value that no learner can
    use.
    """

    def __init__(
        self, venv: VecEnv, program: Evaluator | None, gamma: float, *, history: bool = False
    ) -> None:
        super().__init__(venv)
        if isinstance(program, ProgramParts) and program.has_potential and program.gamma != gamma:
            raise UsageError(
                f"the program's potential is paid with the discount {program.gamma:g}, the learner's is {gamma:g}",
                "give both the same: another one changes what is optimal",
            )
        self.program = program
        self.gamma = gamma
        self.buffers = buffers_of(venv)
        self.earned = np.zeros(self.num_envs)
        self.finished: list[TrainingEpisode] = []
        self.sums = EpisodeSums(self.num_envs)
        self.history = History(self.buffers) if history else None

    def reset(self) -> Any:
        """Reset all environments; episodes that were under way are forgotten."""
        obs = self.venv.reset()
        self.buffers.begin()
        if self.history is not None:
            self.history.restart()
        self.sums = EpisodeSums(self.num_envs)
        return obs

    def step_wait(self) -> Any:
        """Finish the step and put the program's reward in the place of the native one."""
        obs, _, dones, infos = self.venv.step_wait()
        output = self._rewards()
        episodes = dict(self.history.add(dones)) if self.history is not None else {}
        for row, ended in self.sums.add(output, self.buffers.native_reward, dones, episodes):
            infos[row]["episode"] = ended.for_logging()
            self.finished.append(ended)
        self.buffers.advance()
        return obs, output.total.astype(np.float32), dones, infos

    @property
    def term_names(self) -> list[str]:
        """Names of the terms seen so far, in the program's order."""
        return list(self.sums.terms)

    def take_finished(self) -> list[TrainingEpisode]:
        """The episodes that ended since the last call."""
        taken, self.finished = self.finished, []
        return taken

    def _rewards(self) -> Output:
        if self.program is None:
            output = Output(self.buffers.native_reward.copy())
        else:
            output = finite_output(self.program, self.buffers.columns(self.program.arguments))
        self.earned = (
            self.program.unshaped(output)
            if isinstance(self.program, ProgramParts)
            else output.total
        )
        if not isinstance(self.venv, Subgoals):
            return output
        terms = dict(output.terms) or {"reward": output.total}
        return Output(output.total + self.venv.paid, {**terms, "subgoals": self.venv.paid})


def finite_output(program: Evaluator, columns: Columns) -> Output:
    """What a program gives for a batch.

    Raises:
        ProgramError: it breaks, a reward is not finite or too large for a learner, or a term is not
            finite; the message holds the inputs of the first such row.
    """
    output = program(columns)
    _check(
        program, columns, "the reward", output.total, np.abs(output.total) <= LARGEST
    )  # not a number is not <=
    for name, values in output.terms.items():
        _check(program, columns, f"term {name!r}", values, np.isfinite(values))
    return output


def _check(
    program: Evaluator, columns: Columns, what: str, values: FloatArray, good: Array
) -> None:
    if good.all():
        return
    row = int(np.flatnonzero(~good)[0])
    inputs = {name: np.asarray(columns[name][row]).tolist() for name in program.arguments}
    raise ProgramError(
        f"{what} became {values[row]} during training, for {inputs}",
        "guard divisions, logarithms and powers",
        reason="output",
    )


class EpisodeSums:
    """Sums of rewards and terms over the episodes under way, one per environment."""

    def __init__(self, n: int) -> None:
        self.terms: dict[str, FloatArray] = {}
        self._own, self._native = np.zeros(n), np.zeros(n)
        self._length = np.zeros(n, np.int64)

    def add(
        self, output: Output, native: FloatArray, dones: Array, episodes: Mapping[int, Episode]
    ) -> list[tuple[int, TrainingEpisode]]:
        """Take in one vector step.

        Args:
            native: shape (n,), the native rewards of the step.
            dones: shape (n,), where an episode ended with it.
            episodes: environment -> its episode, where whole ones are kept.

        Returns:
            (environment, what its episode came to) for each that ended.
        """
        self._own += output.total
        self._native += native
        self._length += 1
        for name, values in output.terms.items():
            if name not in self.terms:
                self.terms[name] = np.zeros(len(self._own))
            self.terms[name] += values
        if not dones.any():
            return []
        ended = [
            (int(row), self._ended(int(row), episodes.get(int(row))))
            for row in np.flatnonzero(dones)
        ]
        for sums in (self._own, self._native, self._length, *self.terms.values()):
            sums[dones] = 0
        return ended

    def _ended(self, row: int, episode: Episode | None) -> TrainingEpisode:
        terms = {name: float(sums[row]) for name, sums in self.terms.items()}
        return TrainingEpisode(
            float(self._own[row]), float(self._native[row]), int(self._length[row]), terms, episode
        )
