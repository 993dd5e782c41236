"""A reward that was learned from preferences as a term."""

from __future__ import annotations

from typing import ClassVar, Self

from rewardsmith.learned.model import RewardModel
from rewardsmith.terms.term import Opening
from rewardsmith.types import Columns, Output


class LearnedReward:
    """What a fitted model gives; it is computed in this process, because it is no foreign code.

    Args:
        model: the fitted model.
    """

    Payload: ClassVar = RewardModel
    name = "learned"
    ranks = True

    def __init__(self, model: RewardModel) -> None:
        self._model = model
        self.arguments = model.arguments

    @classmethod
    def open(cls, payload: RewardModel, opening: Opening) -> Self:
        """There is nothing to start."""
        return cls(payload)

    def __call__(self, columns: Columns) -> Output:
        """The learned rewards of transitions."""
        return Output(self._model(columns))
