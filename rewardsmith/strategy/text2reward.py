"""Text2Reward (Xie et al. 2024, arXiv 2309.11489): one program from a class card of the task, then what a person says.

The writer sees the task as a typed class and, where there are some, rewards that experts wrote for tasks like it. Its
program is trained, and that is all, until somebody says something of what the agent does (``rewardsmith say``): then a
new one is asked for with the whole talk so far. Changed: what breaks is repaired with its findings before it is
trained; the released code runs nothing before training, although the paper repairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.orders import Order, Stop, Turn
from rewardsmith.state import RunState
from rewardsmith.strategy.base import (
    StrategyOptions,
    accepted_programs,
    lesson,
    most_attempts,
    rounds_owed,
    trainings,
    write_wave,
)


class Text2RewardOptions(StrategyOptions):
    """Options of :class:`Text2Reward`.

    Attributes:
        rounds: programs asked for before anybody says anything.
        repairs: how often the findings of a refused program go back to the writer.
        seeds: training seeds of a program.
        examples: rewards of tasks like this one that the writer is shown; 0 for none.
    """

    rounds: int = Field(1, ge=1)
    repairs: int = Field(1, ge=0)
    seeds: int = Field(1, ge=1)
    examples: int = Field(1, ge=0)


class Text2Reward:
    """Ask once, train, and ask again when a person has spoken."""

    Options: ClassVar[type[StrategyOptions]] = Text2RewardOptions

    def __init__(self, options: Text2RewardOptions, steps: int) -> None:
        self.options = options
        self.steps = steps

    def plan(self, state: RunState) -> Sequence[Order]:
        """What the current program still owes, or the request that follows what a person said."""
        for number in range(rounds_owed(state, self.options.rounds)):
            writes = write_wave(state, number, self.options.repairs, [self._talk(state, number)])
            owed = writes or trainings(state, accepted_programs(state, number), self.options.seeds, self.steps)
            if owed:
                return owed
        return [Stop("it was asked once; say what the agent should do otherwise, then resume")]

    def planned_requests(self) -> int:
        """One a round, with its repairs."""
        return self.options.rounds * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """One a round."""
        return self.options.rounds

    def planned_trials(self) -> int:
        """Every program on every seed."""
        return self.options.rounds * self.options.seeds

    def trials_per_program(self) -> int:
        """One per seed."""
        return self.options.seeds

    def _talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        return tuple(turn for past in range(number) if (turn := lesson(state, past, ("process",))) is not None)
