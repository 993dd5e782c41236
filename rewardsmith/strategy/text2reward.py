"""Text2Reward (Xie et al. 2024, arXiv 2309.11489): one program, then comments of the user.

The request shows the task as a typed class and, where available, expert rewards of similar tasks.
The program is trained, and the search stops until the user comments on the agent's behaviour
(``rewardsmith say``). Then a new program is requested with the whole conversation so far.
Difference: a program that fails the check is repaired before it is trained; the released code runs
no program before training, although the paper repairs.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rewardsmith.strategy.base import Needs, StrategyOptions
from rewardsmith.strategy.rounds import InRounds, RoundOptions


class Text2RewardOptions(RoundOptions):
    """Options of :class:`Text2Reward`.

    Attributes:
        examples: number of expert rewards of similar tasks in the request.
    """

    rounds: int = Field(1, ge=1)
    examples: int = Field(1, ge=0)


class Text2Reward(InRounds[Text2RewardOptions]):
    """Request one program, train it, and request another after each comment of the user."""

    Options: ClassVar[type[StrategyOptions]] = Text2RewardOptions
    stop_message = "it was asked once; say what the agent should do otherwise, then resume"

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(examples=self.options.examples)
