"""Copies what a vector environment returns into buffers, all rows at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from gymnasium.vector import VectorEnv

from rewardsmith.episodes.recorder import Buffers
from rewardsmith.errors import BoundaryError
from rewardsmith.task.finite import is_finite
from rewardsmith.task.layout import Leaf, describe
from rewardsmith.types import Array


class VectorRecorder:
    """The counterpart of :class:`rewardsmith.episodes.recorder.Recorder` for many rows.

    Args:
        vector: see :mod:`rewardsmith.task.vector`.
        buffers: with as many rows.
    """

    def __init__(self, vector: VectorEnv[Any, Any, Any], buffers: Buffers) -> None:
        self._vector, self._buffers = vector, buffers

    def step(
        self,
        actions: Array,
        obs: Any,
        rewards: Array,
        terminated: Array,
        truncated: Array,
        infos: Mapping[str, Any],
    ) -> None:
        """Copy the values after a step.

        Raises:
            BoundaryError: a value is missing, or is not finite.
        """
        buffers = self._buffers
        buffers.action[...] = actions.reshape(buffers.action.shape)
        buffers.native_reward[...] = rewards
        buffers.terminated[...] = terminated
        buffers.truncated[...] = truncated
        if not is_finite(buffers.native_reward):
            _refuse("its reward", buffers.native_reward)
        for target, leaf in zip(buffers.after, buffers.layout.leaves, strict=True):
            self._copy(target, leaf, obs, infos)

    def reset(self, rows: Array, obs: Any, infos: Mapping[str, Any]) -> None:
        """Copy the values of the rows that were reset.

        Args:
            rows: which ones, shape (n,), bool.
        """
        for target, leaf in zip(self._buffers.start, self._buffers.layout.leaves, strict=True):
            if leaf.at_reset:
                self._copy(target, leaf, obs, infos)
            else:
                target[...] = 0
        self._buffers.was_reset |= rows

    def _copy(self, target: Array, leaf: Leaf, obs: Any, infos: Mapping[str, Any]) -> None:
        try:
            target[...] = self._value(leaf, obs, infos)
        except Exception as error:
            raise BoundaryError(
                f"reading {describe(leaf)} of all rows: {type(error).__name__}: {error}",
                f"expected an array of shape {target.shape}, {target.dtype}",
                where="environment",
            ) from error
        if target.dtype.kind == "f" and not is_finite(target.ravel()):
            _refuse(describe(leaf), target)

    def _value(self, leaf: Leaf, obs: Any, infos: Mapping[str, Any]) -> Any:
        if leaf.kind == "function":
            return self._vector.field(leaf.keys[0])  # type: ignore[attr-defined]
        if leaf.kind == "info":
            name, missing = str(leaf.keys[0]), False if leaf.flag else leaf.default
            return infos[name] if missing is None else infos.get(name, missing)
        for key in leaf.keys:
            obs = obs[key]
        return obs


def _refuse(what: str, values: Array) -> NoReturn:
    row = int(np.argwhere(~np.isfinite(values))[0][0])
    raise BoundaryError(
        f"the vector environment: {what} is {values[row].tolist()} in row {row}",
        "fix the environment",
        where="environment",
    )
