"""The environment's own reward as a term."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from rewardsmith.errors import BoundaryError
from rewardsmith.terms.term import NoPayload, Opening
from rewardsmith.types import NATIVE_REWARD, Columns, Output


class NativeReward:
    """The environment's own reward."""

    Payload: ClassVar = NoPayload
    name = "native"
    arguments = (NATIVE_REWARD,)
    ranks = True

    @classmethod
    def open(cls, payload: NoPayload, opening: Opening) -> Self:
        """There is nothing to start."""
        return cls()

    def __call__(self, columns: Columns) -> Output:
        """The native rewards, as a copy.

        Raises:
            BoundaryError: one of them is not a number.
        """
        native = np.array(columns[NATIVE_REWARD], np.float64)
        if np.isnan(native).any():
            raise BoundaryError(
                "the environment's own reward is not a number",
                "fix the environment, or train a program that does not use its reward",
                where="environment",
            )
        return Output(native)
