"""A program in the user's code: loaded, and applied to one environment."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.api.programs import AnyProgram, trainable_program
from rewardsmith.episodes.columns import shapes_in
from rewardsmith.episodes.recorder import Buffers, Recorder
from rewardsmith.errors import ProgramError, UsageError
from rewardsmith.program import CheckedProgram
from rewardsmith.sandbox.client.program import HostedProgram
from rewardsmith.task.environment import make_env
from rewardsmith.task.layout import make_layout
from rewardsmith.task.loading import Task
from rewardsmith.task.reset import fit_reset
from rewardsmith.task.resolving import resolve_task


class LoadedProgram(HostedProgram):
    """A checked program that runs in its own processes; an Evaluator for :class:`VecReward`.

    Args:
        gamma: the discount of the learner, which a potential needs; by default the task's.
        capacity: transitions per call of a host; larger batches are split.

    Raises:
        UsageError: it has only subgoals or a prior on Q, which need a training.
    """

    def __init__(
        self,
        program: CheckedProgram,
        task: Task,
        gamma: float | None = None,
        capacity: int = 64,
    ) -> None:
        self._made_of = (program, task, gamma, capacity)
        self.source = program.source
        self.task = task
        self.verdict = verdict = program.verdict
        if not verdict.changes_reward:
            raise UsageError(
                f"the program has only {', '.join(verdict.entries)}",
                "add a reward or a potential",
            )
        if left_out := {"subgoals", "q_prior"} & set(verdict.entries):
            names = " and ".join(sorted(left_out))
            warnings.warn(
                f"{names} of the program are not used here: use train_program", stacklevel=3
            )
        env = make_env(task)
        self.layout = make_layout(task, env)
        env.close()
        shapes = shapes_in(Buffers(self.layout, 1).columns(self.layout.arguments))
        discount = task.spec.training.gamma if gamma is None else gamma
        super().__init__(
            program.source,
            verdict.entries,
            shapes,
            capacity=capacity,
            style=verdict.style,
            gamma=discount,
            learned=program.learned,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled program starts its own hosts in the process that loads it."""
        return type(self), self._made_of


def load_program(
    program: AnyProgram, task: Task | str, gamma: float | None = None
) -> LoadedProgram:
    """Check a program with a task, and start it in a separate process.

    Args:
        program: as :func:`rewardsmith.check` takes it.
        task: a task, its name, or its folder.
        gamma: the learner's discount, which a potential uses; the task's own by default.

    Raises:
        UsageError: the file cannot be read, or the program was refused; the message lists the
            findings.

    Example:
        program = rs.load_program("exported/reward.py", "mountain-car")
        env = rs.RewardWrapper(gym.make("MountainCar-v0"), program)
    """
    resolved = resolve_task(task)
    return LoadedProgram(trainable_program(program, resolved), resolved, gamma)


class RewardWrapper(gym.Wrapper[Any, Any, Any, Any]):
    """Replaces the reward of one environment by that of a program.

    Args:
        env: the environment, before any wrapper that changes observations or actions.
        program: from :func:`load_program`.

    Raises:
        UsageError: ``program`` is not a loaded program.

    ``info`` has ``native_reward`` and ``reward_terms`` too. ``step`` raises ProgramError when the
    program fails.

    Example:
        program = rs.load_program("reward.py", "mountain-car")
        env = rs.RewardWrapper(gym.make("MountainCar-v0"), program)
        obs, info = env.reset(seed=0)
        obs, reward, terminated, truncated, info = env.step(env.action_space.sample())
    """

    def __init__(self, env: gym.Env[Any, Any], program: LoadedProgram) -> None:
        if not isinstance(program, LoadedProgram):
            raise UsageError(
                f"expected a loaded program, found a {type(program).__name__}",
                "load it first: rewardsmith.load_program(program, task)",
            )
        self.buffers = Buffers(program.layout, 1)
        fit_reset(env)
        super().__init__(Recorder(env, self.buffers.layout, self.buffers, 0))
        self.program = program

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the environment."""
        obs, info = self.env.reset(seed=seed, options=options)
        self.buffers.begin()
        return obs, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step, with the reward of the program in place of the native reward."""
        obs, native, terminated, truncated, info = self.env.step(action)
        output = self.program(self.buffers.columns(self.program.arguments))
        if not np.isfinite(output.total[0]):
            raise ProgramError(
                f"the reward is {output.total[0]}",
                "guard divisions and logarithms",
                reason="output",
            )
        terms = {name: float(values[0]) for name, values in output.terms.items()}
        self.buffers.advance()
        return (
            obs,
            float(output.total[0]),
            terminated,
            truncated,
            {**info, "native_reward": native, "reward_terms": terms},
        )
