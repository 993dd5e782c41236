"""A reward that is learned from comparisons of episodes, by a person, a model, or a script.

Each round has a judge compare clips, fits an ensemble of networks to all answers so far (Christiano
et al. 2017, arXiv 1706.03741), and trains new agents under the fitted reward, whose episodes are
compared in the next round. The first clips are of random policies. Pairs are asked first on which
the members of the last ensemble disagree. A person is shown films, which only agents have. Every
fitted reward is frozen and trained from scratch, so its score says what it is worth by itself.

With ``beside``, the writer is asked for one program first, and the learned reward is added to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rewardsmith.run.orders import FILMED, Compare, JudgeName, Learn, Order, Stop
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
from rewardsmith.strategy.rounds import trainings


class PreferenceOptions(StrategyOptions):
    """Options of :class:`Preference`.

    Attributes:
        rounds: number of rewards that are fitted, each to all answers so far.
        pairs: answers per round.
        judge: who compares: ``fitness`` or ``native`` (scripts, for experiments), ``model`` or
            ``vision`` (the model of the run, from numbers or from films), or ``person``.
        flips: share of a script's answers that are reversed, to simulate a judge that errs.
        segment: steps of a clip; 0 for whole episodes.
        beside: what the learned reward is added to.
        members: networks of the ensemble.
        pessimism: standard deviations over the members that are taken off their mean.
        form: ``return`` if an answer is about the sum over a clip, ``final`` if about its end.
        seeds: training seeds per reward.
        repairs: repairs of a program that fails the check.
        seed: of the pairs, of reversed answers, and of the fits.
    """

    rounds: int = Field(4, ge=1)
    pairs: int = Field(50, ge=5)
    judge: JudgeName = "fitness"
    flips: float = Field(0.0, ge=0, lt=0.5)
    segment: int = Field(0, ge=0)
    beside: Literal["nothing", "program"] = "nothing"
    members: int = Field(3, ge=1)
    pessimism: float = Field(0.0, ge=0)
    form: Literal["return", "final"] = "return"
    seeds: int = Field(2, ge=1)
    repairs: int = Field(1, ge=0)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _judge_can_answer(self) -> Self:
        if self.judge == "fitness" and self.segment:
            raise ValueError("the fitness is of whole episodes: set segment=0 or another judge")
        if self.flips and self.judge not in ("fitness", "native"):
            raise ValueError("flips are for the judges fitness and native")
        if self.judge in FILMED and self.beside == "nothing":
            raise ValueError(f"judge={self.judge} needs films of agents: set beside=program")
        if self.judge == "person" and self.segment:
            raise ValueError("a person compares whole films: set segment=0")
        return self


class Preference(Strategy[PreferenceOptions]):
    """Learn the reward from comparisons of episodes."""

    Options: ClassVar[type[StrategyOptions]] = PreferenceOptions

    @property
    def needs(self) -> Needs:
        """A model where it is the judge."""
        return Needs(judge=self.options.judge in ("model", "vision"))

    @property
    def shape(self) -> Shape:
        """One learned reward per round."""
        return Shape(self.options.rounds, 1, self.options.seeds)

    def plan(self, state: RunState) -> Sequence[Order]:
        """The orders that the current round still needs, or the first ones of the next."""
        first = self._first_round
        if first and (orders := self._of_the_program(state)):
            return orders
        for number in range(first, first + self.options.rounds + state.extra_rounds):
            if orders := self._orders(state, number):
                return orders
        if not any(state.learned.values()):
            return [Stop("no reward could be learned: in too few pairs one clip was better")]
        return [Stop("all rounds are done")]

    @property
    def _first_round(self) -> int:
        """The first round with a learned reward; a program comes before it."""
        return int(self.options.beside == "program")

    def _of_the_program(self, state: RunState) -> Sequence[Order]:
        """Ask for the program that the learned reward is added to, and train it."""
        writes = write_wave(state, 0, self.options.repairs, [()])
        programs = accepted_programs(state, 0)
        return writes or trainings(state, programs, self.options.seeds, self.steps)

    def _orders(self, state: RunState, number: int) -> Sequence[Order]:
        asked = self.options
        if number not in state.compared:
            clips = Compare(number, asked.judge, asked.pairs, asked.segment, asked.flips)
            return [replace(clips, seed=asked.seed)]
        if number not in state.learned:
            beside = next(iter(accepted_programs(state, 0)), None) if self._first_round else None
            form, seed = asked.form, asked.seed
            return [Learn(number, beside, asked.members, asked.pessimism, form, seed)]
        program = state.learned[number]
        return trainings(state, [program], asked.seeds, self.steps) if program else []

    def planned_requests(self) -> int:
        """Those of the program, if there is one."""
        return self.usual_requests() * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """One if a program is asked for."""
        return self._first_round

    def planned_trials(self) -> int:
        """Every learned reward, and the program, on every seed."""
        return (self._first_round + self.options.rounds) * self.options.seeds

    def trials_per_program(self) -> int:
        """One per seed."""
        return self.options.seeds
