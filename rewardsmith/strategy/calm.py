"""CALM (Pignatelli et al. 2024, arXiv 2409.12798): subgoals of a goal, as code.

The paper measures how well a model recognises from a transition that a subgoal was reached, without
training agents. Here the model writes code that recognises subgoals. The code is audited on
recorded episodes and rejected if it gives false alarms. Agents are then rewarded for the subgoals,
in addition to the environment's own reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.run.orders import Audit, Kind, Order
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions, trainings


class CalmOptions(RoundOptions):
    """Options of :class:`Calm`.

    Attributes:
        most_false: allowed false alarms per transition of a subgoal that the task labels.
        votes: number of questions to the model about each of a few steps at which a subgoal becomes
            true. A subgoal that the task does not label is rejected if most votes are no.
    """

    rounds: int = Field(2, ge=1)
    seeds: int = Field(2, ge=1)
    most_false: float = Field(0.001, ge=0, le=1)
    votes: int = Field(0, ge=0)


class Calm(InRounds[CalmOptions]):
    """Request subgoals, audit them, train agents with those that pass."""

    Options: ClassVar[type[StrategyOptions]] = CalmOptions
    produces: ClassVar[str] = "subgoals"
    feedback: ClassVar[tuple[Kind, ...]] = ("process", "subgoals")
    feedback_untrained: ClassVar[tuple[Kind, ...]] = ("subgoals",)

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(votes=self.options.votes)

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        """Audits; then trainings of the programs that passed."""
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
