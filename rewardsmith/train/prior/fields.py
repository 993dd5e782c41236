"""A program's prior on Q, which reads fields by name, as a function of a q_shaped learner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy, deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import StickyAction

from rewardsmith.episodes.recorder import Recorder
from rewardsmith.errors import ProgramError
from rewardsmith.train.vectors import RecordedVecEnv
from rewardsmith.types import Array, Evaluator, FloatArray


class PriorOfFields:
    """Evaluates the prior on recorded fields, not on the observations that wrappers changed.

    Args:
        program: gives (n,) if it reads ``action``, else (n, n_actions).
        venv: the environments. Wrappers of actions above their recorders are copied once: what a
            wrapper keeps from step to step, or draws at random, is not shared with the copy.
    """

    def __init__(self, program: Evaluator, venv: RecordedVecEnv) -> None:
        self._program, self._venv = program, venv
        self._names = [name for name in program.arguments if name != "action"]
        self._wrappers = _action_wrappers(venv.envs[0])

    def columns(self) -> dict[str, Array]:
        """The columns of the present states of the environments."""
        columns = self._venv.buffers.columns(self._names)
        return {
            name: values.astype(self._venv.layout.dtype(name)) for name, values in columns.items()
        }

    def __call__(self, seen: Mapping[str, Array], action: Any = None) -> FloatArray:
        """Values of a batch of such rows, and of actions as the policy's space has them.

        Raises:
            ProgramError: the program broke on it, or gave a value that is not finite.
        """
        values = self._valued(seen, action)
        if not np.isfinite(values).all():
            raise ProgramError(
                "the prior on Q became a value that is not finite during training",
                "guard divisions, logarithms and powers",
                reason="output",
            )
        return values

    def _valued(self, seen: Mapping[str, Array], action: Any) -> FloatArray:
        if action is not None:
            return self._of_actions(seen, self._below(action))
        choices = self._below(range(int(self._venv.action_space.n)))  # type: ignore[attr-defined]
        if "action" not in self._program.arguments:
            return self._program(seen).total[:, choices]
        n = len(
            next(iter(seen.values()), np.zeros(self._venv.num_envs))
        )  # the choices stand for actions of a box
        return np.stack(
            [self._of_actions(seen, np.repeat(np.asarray(one)[None], n, 0)) for one in choices],
            axis=1,
        )

    def _of_actions(self, seen: Mapping[str, Array], action: Any) -> FloatArray:
        return self._program(
            {**seen, "action": np.asarray(action, self._venv.layout.dtype("action"))}
        ).total

    def _below(self, actions: Iterable[Any]) -> Array:
        """Actions as they reach the environment; the state of its random numbers is restored."""
        if not self._wrappers:
            return np.asarray(actions)
        numbers = self._venv.envs[0].unwrapped.np_random.bit_generator
        before, taken = numbers.state, list(actions)
        for wrapper in self._wrappers:
            taken = [wrapper.action(action) for action in taken]
        numbers.state = before
        return np.stack([np.asarray(action) for action in taken])


def _action_wrappers(env: gym.Env[Any, Any]) -> list[gym.ActionWrapper[Any, Any, Any]]:
    """Copies of the wrappers above a recorder, the outermost first, without purely random ones."""
    found = []
    while isinstance(env, gym.Wrapper) and not isinstance(env, Recorder):
        if isinstance(env, gym.ActionWrapper) and not isinstance(env, StickyAction):
            found.append(copy(env))
            vars(found[-1]).update(
                {name: deepcopy(value) for name, value in vars(env).items() if name != "env"}
            )
        env = env.env
    return found
