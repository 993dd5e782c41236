"""Evolution: many programs, each trained on one seed; the leaders on all; new ones from the best.

Made for a writer without cost (the grammar); with a model it is the outer loop of REvolve (Hazra et
al. 2024, arXiv 2406.01309) without islands. A request shows the parents: without a parent it
requests a new program, with one a mutation, with two a crossover.

The leader is confirmed on the other seeds before the search ends, see
:mod:`rewardsmith.strategy.leaders`. A program with a known exploit can be a parent: the request
shows the exploit.

If programs whose agents often succeed have exploits, the first request of a round shows the program
with the smallest exploit, so that the writer can remove it. Every second request shows only parents
without a known exploit, so that these are varied even while others have higher scores.

Programs with equal scores count as one kind: only the first of them can be a parent.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rewardsmith.run.orders import Order, Stop, Turn
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
from rewardsmith.strategy.leaders import Leaders
from rewardsmith.strategy.rounds import program_turn


class EvolveOptions(StrategyOptions):
    """Options of :class:`Evolve`.

    Attributes:
        rounds: the most rounds; fewer if a program solves the task.
        samples: new programs per round.
        repairs: repairs per program that fails the check.
        seeds: training seeds of a leader; all other programs are trained on one.
        fresh, mutated: shares of a round that have no parent and one parent; the others have two.
        share: share of the training steps in selection. It saves compute, and a program that learns
            in fewer steps has a margin; the final comparison takes all steps.
        elite: number of the best kinds of programs that can be parents.
        tournament: number of these that are drawn at random; the best one becomes a parent.
        enough: the search ends when the leader's agents succeed in this share of their episodes,
            over all seeds.
        seed: seed of all random choices here and in the grammar.
    """

    rounds: int = Field(6, ge=1)
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
    """Vary the best programs, confirm the leaders on more seeds."""

    Options: ClassVar[type[StrategyOptions]] = EvolveOptions

    def __init__(self, options: EvolveOptions, steps: int) -> None:
        super().__init__(options, max(1, round(options.share * steps)))
        self._leaders = Leaders(options.seeds, self.steps, options.enough)

    @property
    def needs(self) -> Needs:
        """The grammar draws with the seed of the options."""
        return Needs(seed=self.options.seed)

    @property
    def shape(self) -> Shape:
        """As its options say."""
        return Shape(self.options.rounds, self.options.samples, self.options.seeds)

    def plan(self, state: RunState) -> Sequence[Order]:
        """The orders that the current round still needs, or the first ones of the next."""
        rounds = self.options.rounds + state.extra_rounds
        for number in range(rounds):
            parents = [
                self._parents(state, number, sample) for sample in range(self.options.samples)
            ]
            writes = write_wave(state, number, self.options.repairs, parents)
            if writes:
                return writes
            orders = self._leaders.first_trainings(state, accepted_programs(state, number))
            is_last = number == rounds - 1
            if not orders and (is_last or self._leaders.solved(state)):
                orders = self._leaders.confirmations(state)
            if orders:
                return orders
            if self._leaders.solved(state):
                return [Stop("the best program solves the task on every seed")]
        return [Stop("all rounds are done")]

    def planned_requests(self) -> int:
        """All samples of all rounds, each with all its repairs."""
        return self.options.rounds * self.options.samples * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """Those of one round, after which the task may be solved."""
        return self.options.samples

    def planned_trials(self) -> int:
        """Every program on every seed: each can become the leader."""
        return self.options.rounds * self.options.samples * self.options.seeds

    def trials_per_program(self) -> int:
        """One; only leaders get more."""
        return 1

    def _parents(self, state: RunState, number: int, sample: int) -> tuple[Turn, ...]:
        """The parents that a request shows, the best last; they are from earlier rounds."""
        earlier = [program for past in range(number) for program in accepted_programs(state, past)]
        by_score = sorted(state.ranked(dict.fromkeys(earlier)), key=lambda p: -_mean(state, p))
        if sample % 2:
            by_score = [program for program in by_score if not state.exploited(program)]
        ranked = _first_of_each_score(state, by_score)
        ranked = ranked[: self.options.elite]
        exploited = [p for p in by_score if state.exploited(p) and state.often_succeeds(p)]
        if sample == 0 and exploited:
            nearest = max(exploited, key=lambda program: state.exploits[program].margin or 0.0)
            return (program_turn(state, nearest, ("process",)),)
        draws = random.Random(f"{self.options.seed}/{number}/{sample}")
        chance = draws.random()
        if not ranked or chance < self.options.fresh:
            return ()
        count = 1 if chance < self.options.fresh + self.options.mutated else 2
        places = {_tournament(draws, len(ranked), self.options.tournament) for _ in range(count)}
        return tuple(
            program_turn(state, ranked[n], ("process",)) for n in sorted(places, reverse=True)
        )


def _mean(state: RunState, program: str) -> float:
    score = state.score(program)
    return score.mean if score is not None else -math.inf


def _tournament(draws: random.Random, count: int, size: int) -> int:
    """The lowest of some places drawn at random."""
    return min(draws.randrange(count) for _ in range(size))


def _first_of_each_score(state: RunState, ranked: Sequence[str]) -> list[str]:
    """Without the programs whose score equals an earlier one's in two digits."""
    scores = {program: state.score(program) for program in reversed(ranked)}
    kinds = {f"{score.mean:.2g}": program for program, score in scores.items() if score is not None}
    return [program for program in ranked if program in kinds.values()]
