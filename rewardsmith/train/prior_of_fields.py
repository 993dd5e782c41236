"""A program's prior on Q, which reads fields by name, as a function that a q_shaped learner can ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import StickyAction

from rewardsmith.recorder import Recorder
from rewardsmith.train.vectors import RecordedVecEnv
from rewardsmith.types import Array, Evaluator, FloatArray


class PriorOfFields:
    """It is asked about what the recorder saw, not about what wrappers made of it.

    Args:
        program: gives (n,) if it asks for ``action``, else (n, n_actions).
        venv: the environments; wrappers of actions above their recorders are followed.
    """

    def __init__(self, program: Evaluator, venv: RecordedVecEnv) -> None:
        self._program, self._venv = program, venv
        self._names = [name for name in program.arguments if name != "action"]
        self._wrappers = _action_wrappers(venv.envs[0])

    def sees(self) -> dict[str, Array]:
        """The columns of the states that the environments are in."""
        columns = self._venv.buffers.columns(self._names)
        return {name: values.astype(self._venv.layout.dtype(name)) for name, values in columns.items()}

    def __call__(self, seen: Mapping[str, Array], action: Any = None) -> FloatArray:
        """Values of a batch of such rows, and of actions as the policy's space has them.

        Raises:
            ProgramError: the program broke on it.
        """
        if action is not None:
            taken = np.stack([self._below(row) for row in action]) if self._wrappers else action
            return self._program({**seen, "action": np.asarray(taken, self._venv.layout.dtype("action"))}).total
        values = self._program(seen).total
        if not self._wrappers:
            return values
        n_actions = int(self._venv.action_space.n)  # type: ignore[attr-defined]
        return values[:, [int(self._below(choice)) for choice in range(n_actions)]]

    def _below(self, action: Any) -> Any:
        for wrapper in self._wrappers:
            action = wrapper.action(action)
        return action


def _action_wrappers(env: gym.Env[Any, Any]) -> list[gym.ActionWrapper[Any, Any, Any]]:
    """Those between a policy and a recorder that always do the same, the outermost first."""
    found = []
    while isinstance(env, gym.Wrapper) and not isinstance(env, Recorder):
        found += [env] if isinstance(env, gym.ActionWrapper) and not isinstance(env, StickyAction) else []
        env = env.env
    return found
