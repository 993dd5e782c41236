"""Outcomes of episodes that a judge answers once each: a reward of 0 or 1.

Source: Reward design with language models (Kwon et al. 2023, arXiv 2303.00001). The finite set of
outcomes is judged before the training, and the answers are its reward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

import numpy as np
from pydantic import BaseModel, Field

from rewardsmith.errors import UsageError
from rewardsmith.types import FloatArray

OutcomeValue = bool | int | float | str
Outcome = tuple[OutcomeValue, ...]
"""What a judge needs to know of an episode's end, for example ``("offer", 3)``."""


class OutcomeTable(BaseModel, frozen=True, extra="forbid"):
    """Answers about outcomes, as JSON.

    Attributes:
        answers: pairs of an outcome and whether it serves the objective.

    Example:
        table = OutcomeTable().extended([(3, 7), (5, 5)], judge=lambda outcome: outcome[0] >= 5)
        table.rewards([(5, 5), (3, 7), (5, 5)])  # [1.0, 0.0, 1.0]
    """

    answers: tuple[tuple[Outcome, bool], ...] = Field(())

    def extended(self, outcomes: Iterable[Outcome], judge: Callable[[Outcome], bool]) -> Self:
        """A table that also has these outcomes.

        Args:
            outcomes: repetitions, and outcomes that the table has, cost no question.
            judge: is asked once for each new outcome, in the order in which they first occur.
        """
        known = dict(self.answers)
        for outcome in outcomes:
            if outcome not in known:
                known[outcome] = bool(judge(outcome))
        return self.model_copy(update={"answers": tuple(known.items())})

    def rewards(self, outcomes: Iterable[Outcome]) -> FloatArray:
        """1 for each outcome that serves the objective, else 0; shape (n,).

        Raises:
            UsageError: an outcome was never judged.
        """
        known = dict(self.answers)
        asked = list(outcomes)
        if missing := [outcome for outcome in asked if outcome not in known]:
            raise UsageError(
                f"outcome {missing[0]!r} was never judged; the table has {len(known)}",
                "extend the table by the outcomes of this environment before the training",
            )
        return np.array([known[outcome] for outcome in asked], np.float64)
