"""Evolution: many programs, each tried on one seed; what leads must prove itself on more; new ones come from the best.

Made for a writer that costs nothing (the grammar), and open to any other: with a model it is
REvolve's outer loop (Hazra et al. 2024, arXiv 2406.01309) without its islands. A request shows the
parents: none asks for a new program, one for a change of it, two for a crossing.

That a program leads after one seed may be luck: the best of many is, on average, too good. So
before the search ends the leader is trained on the other seeds as well, and if its mean then falls
behind, the next one is. From then on the
hardest of the seeds comes first: on an easy one, every program that works at all looks the same. A
leader that may pay
more for going on than for arriving is no end of the search either: on the next seed its agents may
find that out.

Programs whose agents end alike are one kind of failure, however many there are: only the first of
them is a parent.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import mean
from typing import ClassVar

from pydantic import Field

from rewardsmith.run.orders import Order, Screen, Stop, Train, Turn
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import (
    Needs,
    Shape,
    Strategy,
    StrategyOptions,
    accepted_programs,
    most_attempts,
    write_wave,
)

_CONTRAST = 3  # good and bad episodes without which nothing is suspected


class EvolveOptions(StrategyOptions):
    """Options of :class:`Evolve`.

    Attributes:
        rounds: how often new programs are asked for, unless one solves the task before.
        samples: new programs in a round.
        repairs: how often the findings of a refused program go back to the writer.
        seeds: training seeds on which the leader must prove itself; all others are tried on one.
        fresh, mutated: shares of a round that are new, and changes of one parent; the others have
            two.
        share: of the steps of a training that selection spends: it costs less, and what learns in
            half the time has a margin in the whole; the final comparison takes all of them.
        elite: only so many of the best kinds of programs are parents.
        tournament: of so many of them, drawn at random, the best is a parent.
        enough: the search ends when the leader's agents succeed in this share of their episodes,
            over all seeds.
        seed: of everything that is drawn here, and by the grammar.
    """

    rounds: int = Field(4, ge=1)
    samples: int = Field(8, ge=1)
    repairs: int = Field(1, ge=0)
    seeds: int = Field(5, ge=1)
    fresh: float = Field(0.35, ge=0, le=1)
    mutated: float = Field(0.4, ge=0, le=1)
    share: float = Field(0.5, gt=0, le=1)
    elite: int = Field(4, ge=1)
    tournament: int = Field(2, ge=1)
    enough: float = Field(0.95, gt=0, le=1)
    seed: int = Field(0, ge=0)


class Evolve(Strategy[EvolveOptions]):
    """Vary the best, keep what proves itself."""

    Options: ClassVar[type[StrategyOptions]] = EvolveOptions

    def __init__(self, options: EvolveOptions, steps: int) -> None:
        super().__init__(options, max(1, round(options.share * steps)))

    @property
    def needs(self) -> Needs:
        """The grammar draws with the seed of the options."""
        return Needs(seed=self.options.seed)

    @property
    def shape(self) -> Shape:
        """As its options say."""
        return Shape(self.options.rounds, self.options.samples, self.options.seeds)

    def plan(self, state: RunState) -> Sequence[Order]:
        """The orders that the current round still owes, or the first ones of the next."""
        for number in range(self.options.rounds):
            parents = [
                self._parents(state, number, sample) for sample in range(self.options.samples)
            ]
            writes = write_wave(state, number, self.options.repairs, parents)
            if writes:
                return writes
            owed = self._first_trainings(state, number)
            is_last = number == self.options.rounds - 1
            if not owed and (is_last or self._solved(state)):
                owed = self._proof(state)
            if owed:
                return owed
            if self._solved(state):
                return [Stop("the best program proved itself on every seed")]
        return [Stop("all rounds are done")]

    def planned_requests(self) -> int:
        """All samples of all rounds, each asked for as often as allowed."""
        return self.options.rounds * self.options.samples * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """Those of one round, after which it may be solved."""
        return self.options.samples

    def planned_trials(self) -> int:
        """Every program on every seed: each may lead once, until it is proven."""
        return self.options.rounds * self.options.samples * self.options.seeds

    def trials_per_program(self) -> int:
        """One; only leaders get more."""
        return 1

    def _first_trainings(self, state: RunState, number: int) -> list[Order]:
        untried = [
            p for p in accepted_programs(state, number) if not state.trials_of(p, "selection")
        ]
        return [
            Train(program, (self._hardest(state),), "selection", self.steps) for program in untried
        ]

    def _proof(self, state: RunState) -> list[Order]:
        """The trainings still owed: of all programs that succeed so far on the hardest seed, then of the leader."""
        ranked = state.ranked()
        hardest = self._hardest(state)
        behind_one = [
            p
            for p in ranked
            if self._succeeds(state, p) and (p, hardest, "selection") not in state.trials
        ]
        if behind_one:
            return [Train(program, (hardest,), "selection", self.steps) for program in behind_one]
        for leader in ranked[:1]:
            seeds = tuple(
                s for s in range(self.options.seeds) if (leader, s, "selection") not in state.trials
            )
            if seeds:
                return [Train(leader, seeds, "selection", self.steps)]
            if leader not in state.screens:
                return [Screen(leader, "pairs", "sum", 0.0, _CONTRAST, "now")]
        return []

    def _hardest(self, state: RunState) -> int:
        """The seed on which the programs that were trained on all did worst; the first, before there is one."""
        seeds = range(self.options.seeds)
        proven = [
            scores
            for program in state.programs
            if None not in (scores := [self._fitness(state, program, seed) for seed in seeds])
        ]
        return min(seeds, key=lambda seed: sum(scores[seed] or 0.0 for scores in proven))

    def _fitness(self, state: RunState, program: str, seed: int) -> float | None:
        trial = state.trials.get((program, seed, "selection"))
        return trial.fitness if trial is not None else None

    def _succeeds(self, state: RunState, program: str) -> bool:
        """Whether a program's agents succeeded often enough, on the seeds so far."""
        rates = [trial.success_rate or 0.0 for trial in state.trials_of(program, "selection")]
        return bool(rates) and mean(rates) >= self.options.enough

    def _solved(self, state: RunState) -> bool:
        return any(
            self._succeeds(state, leader) and not state.rewards_not_finishing(leader)
            for leader in state.ranked()[:1]
        )

    def _parents(self, state: RunState, number: int, sample: int) -> tuple[Turn, ...]:
        """The parents that a request shows, the best last; only programs of earlier rounds can be."""
        earlier = [program for past in range(number) for program in accepted_programs(state, past)]
        ranked = _first_of_each_score(state, state.ranked(dict.fromkeys(earlier)))[
            : self.options.elite
        ]
        draws = random.Random(f"{self.options.seed}/{number}/{sample}")
        chance = draws.random()
        if not ranked or chance < self.options.fresh:
            return ()
        count = 1 if chance < self.options.fresh + self.options.mutated else 2
        places = {
            min(draws.randrange(len(ranked)) for _ in range(self.options.tournament))
            for _ in range(count)
        }
        return tuple(
            Turn(ranked[n], ("process",), state.programs[ranked[n]])
            for n in sorted(places, reverse=True)
        )


def _first_of_each_score(state: RunState, ranked: Sequence[str]) -> list[str]:
    """Without the programs whose score is, to two digits, that of one before."""
    scores = {program: state.score(program) for program in reversed(ranked)}
    kinds = {f"{score.mean:.2g}": program for program, score in scores.items() if score is not None}
    return [program for program in ranked if program in kinds.values()]
