"""EAGER (Carta et al. 2022, arXiv 2206.09674): questions about an instruction as subgoals.

Each informative word of an instruction is hidden once. This question is a subgoal, which is reached
when the agent's actions give the correct answer. Its bonus is given once per episode, and a success
subtracts all bonuses, so that the discounted return of a successful episode is that of the
environment's own reward.

Without a model, the program is composed once from the task's text fields
(:mod:`rewardsmith.writers.questions.program`). With a model, the model writes the questions and the
code that answers them, and the feedback shows which were answered, when, and in which episodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from rewardsmith.run.orders import Kind
from rewardsmith.strategy.base import Needs, StrategyOptions
from rewardsmith.strategy.rounds import InRounds, RoundOptions


class EagerOptions(RoundOptions):
    """Options of :class:`Eager`.

    Attributes:
        instruction: the text field that the questions are about; the task's first by default.
    """

    rounds: int = Field(1, ge=1)
    seeds: int = Field(2, ge=1)
    instruction: str = ""


class Eager(InRounds[EagerOptions]):
    """Make questions of the instruction, reward answers."""

    Options: ClassVar[type[StrategyOptions]] = EagerOptions
    produces: ClassVar[str] = "subgoals"
    feedback: ClassVar[tuple[Kind, ...]] = ("process", "subgoals", "trajectory")
    shaping: ClassVar[Mapping[str, Any]] = {"subgoals": "neutralised"}

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(instruction=self.options.instruction)
