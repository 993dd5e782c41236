"""Confirmation of the best programs, for strategies that train each program on one seed first.

The score of the best of many programs after one seed is optimistic. So before the search ends, the
leader is trained on the other seeds as well, and if its mean then falls behind, so is the next one.
From then on the hardest seed comes first, because on an easy seed all working programs look alike.
A leader whose reward may favour continuing over finishing does not end the search either: on
another seed, its agents may exploit that. Nor does one with a known exploit, or with a report seed
that does not solve the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.run.orders import Order, Screen, Train
from rewardsmith.run.state import RunState
from rewardsmith.strategy.rounds import missing_seeds

_CONTRAST = 3  # number of good and of bad episodes that the audit needs


@dataclass(frozen=True)
class Leaders:
    """Trains programs on one seed, and confirms the leader on all.

    Attributes:
        seeds: selection seeds of a confirmed leader.
        steps: of each training.
        enough: share of solved episodes from which a program's agents succeed.
    """

    seeds: int
    steps: int
    enough: float

    def first_trainings(self, state: RunState, programs: Sequence[str]) -> list[Order]:
        """A training on the hardest seed of each of these programs that has none yet."""
        return [
            Train(program, (self.hardest(state),), "selection", self.steps)
            for program in programs
            if not state.trials_of(program, "selection")
        ]

    def confirmations(self, state: RunState) -> list[Order]:
        """Trainings on the hardest seed of all programs that succeed so far, then of the leader."""
        ranked = state.ranked()
        hardest = self.hardest(state)
        unconfirmed = [
            p
            for p in ranked
            if self.succeeds(state, p) and (p, hardest, "selection") not in state.trials
        ]
        if unconfirmed:
            return [Train(program, (hardest,), "selection", self.steps) for program in unconfirmed]
        for leader in ranked[:1]:
            if state.success_rate(leader) == 0:
                return []  # there is nothing to confirm
            seeds = missing_seeds(state, leader, self.seeds)
            if seeds:
                return [Train(leader, seeds, "selection", self.steps)]
            if leader not in state.screens:
                return [Screen(leader, "pairs", "sum", 0.0, _CONTRAST, "now")]
        return []

    def hardest(self, state: RunState) -> int:
        """The seed with the lowest fitness of all programs that were trained on every seed."""
        seeds = range(self.seeds)
        confirmed = [
            scores
            for program in state.programs
            if None not in (scores := self._scores(state, program))
        ]
        return min(seeds, key=lambda seed: sum(scores[seed] or 0.0 for scores in confirmed))

    def succeeds(self, state: RunState, program: str) -> bool:
        """Whether a program's agents succeed often enough on its seeds so far."""
        return (state.success_rate(program) or 0.0) >= self.enough

    def solved(self, state: RunState) -> bool:
        """Whether the leader succeeds on every seed, and is not known to fail otherwise."""
        leader = next(iter(state.ranked()), None)
        if leader is None or not self.succeeds(state, leader):
            return False
        doubted = state.rewards_not_finishing(leader) or state.exploited(leader)
        return not doubted and not state.unsolved_report_seeds(leader)

    def _scores(self, state: RunState, program: str) -> list[float | None]:
        """The fitness of a program on each seed."""
        trials = [state.trials.get((program, seed, "selection")) for seed in range(self.seeds)]
        return [trial.fitness if trial is not None else None for trial in trials]
