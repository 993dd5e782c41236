"""Text2Reward (Xie et al. 2024, arXiv 2309.11489): one program from a class card of the task, then what a person says.

The writer sees the task as a typed class and, where there are some, rewards that experts wrote for
tasks like it. Its program is trained, and that is all, until somebody says something of what the
agent does (``rewardsmith say``): then a
new one is asked for with the whole talk so far. Changed: what breaks is repaired with its findings
before it is trained; the released code runs nothing before training, although the paper repairs.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rewardsmith.run.orders import Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions
from rewardsmith.strategy.rounds import InRounds, RoundOptions, lesson


class Text2RewardOptions(RoundOptions):
    """Options of :class:`Text2Reward`.

    Attributes:
        examples: rewards of tasks like this one that the writer is shown; 0 for none.
    """

    rounds: int = Field(1, ge=1)
    examples: int = Field(1, ge=0)


class Text2Reward(InRounds[Text2RewardOptions]):
    """Ask once, train, and ask again when a person has spoken."""

    Options: ClassVar[type[StrategyOptions]] = Text2RewardOptions
    ended = "it was asked once; say what the agent should do otherwise, then resume"

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(examples=self.options.examples)

    def talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The whole talk before a round."""
        return tuple(
            turn
            for past in range(number)
            if (turn := lesson(state, past, ("process",))) is not None
        )
