"""Programs whose agents a judge compares: no reward is learned, and no fitness decides.

In-context preference learning (Yu et al. 2024, arXiv 2410.17233): each round trains an agent under
every program, a judge says which behaviour is better, and the next request shows the best and the
worst program with what the judge said and how their terms developed. As in the paper, the judge may
be a person who watches films. Differences: judges compare two agents at a time, or choose the best
and the worst of several; the programs are ranked by the strengths that make all answers so far the
most likely; the best program so far is always compared with those of the new round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.run.orders import Compare, JudgeName, Order, Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Needs, StrategyOptions, accepted_programs
from rewardsmith.strategy.rounds import InRounds, RoundOptions, program_turn, trainings


class ICPLOptions(RoundOptions):
    """Options of :class:`ICPL`.

    Attributes:
        judge: who compares: ``person``; ``model`` or ``vision``, the model of the run, from
            numbers or from films; or a script: ``fitness`` or ``native``.
        history: number of past rounds whose best program a request shows.
    """

    rounds: int = Field(4, ge=1)
    samples: int = Field(4, ge=2)
    judge: JudgeName = "person"
    history: int = Field(2, ge=1)


class ICPL(InRounds[ICPLOptions]):
    """Show the writer which of its programs' agents judges prefer."""

    Options: ClassVar[type[StrategyOptions]] = ICPLOptions
    chooses_by_fitness: ClassVar[bool] = False

    @property
    def needs(self) -> Needs:
        """A model where it is the judge."""
        return Needs(judge=self.options.judge in ("model", "vision"))

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        """Trainings of every valid program; then its agents are compared."""
        programs = accepted_programs(state, number)
        missing = trainings(state, programs, self.options.seeds, self.steps)
        if missing or number in state.compared or not programs:
            return missing
        earlier = [name for name, slot in state.programs.items() if slot.round < number]
        compared = dict.fromkeys([*state.ranked(earlier)[:1], *programs])
        pairs = len(compared) * (len(compared) - 1) // 2
        judge = self.options.judge
        return [Compare(number, judge, pairs, programs=tuple(compared), decides=True)]

    def turns(self, state: RunState, number: int) -> tuple[Turn, ...]:
        """The worst program of the last round, then the best ones, the best of all at the end."""
        if number == 0:
            return ()
        last = state.ranked(accepted_programs(state, number - 1))
        if not last:
            return super().turns(state, number)
        earlier = [name for name, slot in state.programs.items() if slot.round < number]
        best = state.ranked(earlier)[: self.options.history]
        shown = dict.fromkeys([last[-1], *reversed(best)])
        return tuple(program_turn(state, name, ("choice",)) for name in shown)
