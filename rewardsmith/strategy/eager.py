"""EAGER (Carta et al. 2022, arXiv 2206.09674): an instruction becomes questions, and answering them by acting is paid.

Every word of an instruction that tells something is hidden once; each such question is a subgoal,
reached when what the agent does gives the right answer. It is paid once, and a success takes
everything back, so that the discounted sum over a successful episode is what the environment pays.

Without a model the program is composed from the task's text fields
(:mod:`rewardsmith.writers.questions.program`), once: there is nothing to be learnt from a training.
A model is asked for the questions and for the code that answers them, and told which were answered,
when, and in which episodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from rewardsmith.run.orders import Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions
from rewardsmith.strategy.rounds import InRounds, RoundOptions, lesson


class EagerOptions(RoundOptions):
    """Options of :class:`Eager`.

    Attributes:
        instruction: the text field that is asked about; the first one of the task where it is not
            named.
        answers: without a model, who gives them: the task's ``texts`` by a rule, or a network that
            ``learned`` from the successes in the bank that the run was given.
    """

    rounds: int = Field(1, ge=1)
    seeds: int = Field(2, ge=1)
    instruction: str = ""
    answers: Literal["texts", "learned"] = "texts"


class Eager(InRounds[EagerOptions]):
    """Ask about the instruction, pay for answers."""

    Options: ClassVar[type[StrategyOptions]] = EagerOptions
    produces: ClassVar[str] = "subgoals"
    shaping: ClassVar[Mapping[str, Any]] = {"subgoals": "neutralised"}

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(instruction=self.options.instruction)

    def talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The whole talk before a round."""
        told = (
            lesson(state, past, ("process", "subgoals", "trajectory")) for past in range(number)
        )
        return tuple(turn for turn in told if turn is not None)
