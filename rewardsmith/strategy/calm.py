"""CALM (Pignatelli et al. 2024, arXiv 2409.12798): a goal becomes subgoals, and code that says when each is reached.

The paper measures how well a model tells from a transition that a subgoal was reached, and trains
nothing. Here the model writes that down once, as code; the code is held against known behaviour,
and refused where it gives false alarms; agents are paid for the subgoals that are left, beside the
environment's own reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.run.orders import Audit, Order, Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions, lesson, trainings


class CalmOptions(RoundOptions):
    """Options of :class:`Calm`.

    Attributes:
        most_false: false alarms per transition that a subgoal may give, where the task's labels
            tell.
        votes: how often the model is asked about each of a few steps in which a subgoal comes true;
            0 asks nothing. A subgoal that the task does not label is refused if most votes say no.
    """

    rounds: int = Field(2, ge=1)
    seeds: int = Field(2, ge=1)
    most_false: float = Field(0.001, ge=0, le=1)
    votes: int = Field(0, ge=0)


class Calm(InRounds[CalmOptions]):
    """Ask for subgoals, audit them, train with those that may be trusted."""

    Options: ClassVar[type[StrategyOptions]] = CalmOptions
    produces: ClassVar[str] = "subgoals"

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(votes=self.options.votes)

    def owed(self, state: RunState, number: int) -> Sequence[Order]:
        """Programs are audited; those that are not refused are trained."""
        programs = accepted_programs(state, number)
        with_subgoals = [program for program in programs if "subgoals" in state.functions[program]]
        audits = [
            Audit(program, self.options.most_false, self.options.votes)
            for program in with_subgoals
            if program not in state.audits
        ]
        refused = {program for program, audit in state.audits.items() if audit.refused}
        trusted = [program for program in programs if program not in refused]
        return audits or trainings(state, trusted, self.options.seeds, self.steps)

    def talk(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The whole talk before a round."""
        told = (
            lesson(state, past, ("process", "subgoals"), ("subgoals",)) for past in range(number)
        )
        return tuple(turn for turn in told if turn is not None)
