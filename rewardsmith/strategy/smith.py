"""Our own strategy: programs that differ, cheap tests before full trainings, and an end in time.

A round asks for several programs. In the first round each request asks for another form of reward.
Later, requests have roles: to improve the leader, to combine it with the best program of another
kind, to improve that one, and to try another form. A request shows at most the last four programs
of a line of descent, and names the others that were tried, each with its fitness. Programs are of
another kind if their rewards differ on recorded transitions.

Before an agent gets all training steps:

1. A program whose rewards equal those of an earlier one up to a factor is not trained.
2. A program that orders recorded episodes wrongly is not trained (CARD, arXiv 2410.14660).
3. The others are trained for a quarter of the steps, and the best of them for all (one halving of
   successive halving, Jamieson and Talwalkar 2016, arXiv 1502.07943). If none is better than
   the random policy, the short trainings say nothing, and all programs are trained in full.

The leader is confirmed on further seeds, see :mod:`rewardsmith.strategy.leaders`. After a round
without improvement, half of the requests ask for a form that was not tried. The search ends when
the leader solves the task on every seed, or after several rounds without improvement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from rewardsmith.maths.preference import Rule
from rewardsmith.run.orders import (
    Approach,
    Kind,
    MeasureSimilarity,
    Order,
    Stop,
    Train,
    Turn,
    Write,
)
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import (
    Needs,
    Shape,
    Strategy,
    accepted_programs,
    most_attempts,
    write_wave,
)
from rewardsmith.strategy.leaders import Leaders
from rewardsmith.strategy.rounds import program_turn
from rewardsmith.strategy.screening import ScreenOptions, screenings, worth_training

Role = Literal["improve", "combine", "improve other", "vary"]

APPROACHES: tuple[Approach, ...] = ("potential", "stages", "dense", "few")
_ROLES: tuple[Role, ...] = ("improve", "combine", "improve other", "vary")
_FEEDBACK: tuple[Kind, ...] = ("process", "trajectory", "audit")
_MOST_TRIED = 12  # programs that a request names
_OTHER_KIND = 0.9  # cosine of the angle between rewards, below which two programs are of two kinds


class SmithOptions(ScreenOptions):
    """Options of :class:`Smith`.

    Attributes:
        rounds: the most rounds; fewer if a program solves the task, or nothing improves.
        samples: programs per round.
        repairs: repairs per program that fails the check.
        seeds: training seeds of a leader; all other programs are trained on one.
        short: share of the training steps in a short training.
        advance: number of programs of a round that are trained in full after the short trainings.
        history: number of past programs that a request shows.
        patience: number of rounds without improvement after which the search ends.
        enough: share of solved episodes from which a program's agents succeed.
    """

    rounds: int = Field(5, ge=1)
    samples: int = Field(4, ge=1)
    repairs: int = Field(1, ge=0)
    seeds: int = Field(3, ge=1)
    short: float = Field(0.25, gt=0, le=1)
    advance: int = Field(2, ge=1)
    history: int = Field(4, ge=1)
    patience: int = Field(2, ge=1)
    enough: float = Field(0.95, gt=0, le=1)
    screen: Rule | Literal["off"] = "pairs"
    threshold: float = Field(0.6, ge=0, le=1)


class Sample(NamedTuple):
    """What the requests of one sample of a round show and ask for."""

    turns: tuple[Turn, ...] = ()
    approach: Approach | None = None


class Smith(Strategy[SmithOptions]):
    """Vary, test at little cost, train the best, confirm, and stop in time."""

    Options: ClassVar[type[ScreenOptions]] = SmithOptions

    def __init__(self, options: SmithOptions, steps: int) -> None:
        super().__init__(options, steps)
        self._leaders = Leaders(options.seeds, steps, options.enough)

    @property
    def needs(self) -> Needs:
        """As its options say."""
        return Needs(contrast=self.options.contrast, seed=self.options.seed)

    @property
    def shape(self) -> Shape:
        """As its options say."""
        return Shape(self.options.rounds, self.options.samples, 1)

    def plan(self, state: RunState) -> Sequence[Order]:
        """The orders that the current round still needs, or the first ones of the next."""
        comments = sum(map(len, state.comments.values()))
        for number in range(self.options.rounds + comments + state.extra_rounds):
            if not state.round_slots(number):
                reason = self._why_end(state, number, comments)
                if reason:
                    return self._end(state, reason)
            orders = self._writes(state, number) or self._tests(state, number)
            if orders:
                return orders
        return self._end(state, "all rounds are done")

    def planned_requests(self) -> int:
        """All samples of all rounds, each with all its repairs."""
        return self.options.rounds * self.options.samples * most_attempts(self.options.repairs)

    def usual_requests(self) -> int:
        """Those of a search in which nothing improves after the first round."""
        return self.options.samples * min(self.options.rounds, 1 + self.options.patience)

    def planned_trials(self) -> int:
        """Every program in short and on every seed: each can become the leader."""
        return self.options.rounds * self.options.samples * (1 + self.options.seeds)

    def trials_per_program(self) -> int:
        """One; only leaders get more."""
        return 1

    def _why_end(self, state: RunState, number: int, comments: int) -> str:
        """Why a round need not begin; empty if it must.

        Args:
            comments: number of comments of the user; each is worth a round.
        """
        if self._leaders.solved(state):
            return "the best program solves the task on every seed"
        stale = _rounds_without_improvement(state, number)
        if stale >= self.options.patience + state.extra_rounds + comments:
            return f"{stale} rounds brought no improvement"
        return ""

    def _end(self, state: RunState, reason: str) -> Sequence[Order]:
        return self._leaders.confirmations(state) or [Stop(reason)]

    def _tests(self, state: RunState, number: int) -> Sequence[Order]:
        """What the programs of a round still need, the cheapest test first."""
        programs = accepted_programs(state, number)
        new = [program for program in programs if program not in state.similarity]
        if new:
            return [MeasureSimilarity(program) for program in new]
        different = [program for program in programs if state.twin(program) is None]
        screens = screenings(state, different, self.options)
        if screens:
            return screens
        worth = worth_training(state, different, self.options)
        short = self._short_trainings(state, worth)
        return short or self._leaders.first_trainings(state, self._advanced(state, worth))

    def _short_trainings(self, state: RunState, programs: Sequence[str]) -> list[Order]:
        """Short trainings of these programs, if there are more than may advance."""
        if len(programs) <= self.options.advance:
            return []
        steps = max(1, round(self.options.short * self.steps))
        seed = self._leaders.hardest(state)
        return [
            Train(program, (seed,), "short", steps)
            for program in programs
            if not state.trials_of(program, "short")
        ]

    def _advanced(self, state: RunState, programs: Sequence[str]) -> list[str]:
        """The programs that are trained in full."""
        if len(programs) <= self.options.advance:
            return list(programs)
        scores = {
            program: score.mean
            for program in programs
            if (score := state.score(program, "short")) is not None
        }
        random = state.preflight.mean_random_fitness if state.preflight is not None else 0.0
        if max(scores.values(), default=random) <= random:
            return list(scores)
        return sorted(scores, key=lambda program: -scores[program])[: self.options.advance]

    def _writes(self, state: RunState, number: int) -> Sequence[Order]:
        """The requests that a round still needs."""
        samples = [self._sample(state, number, place) for place in range(self.options.samples)]
        writes = write_wave(
            state, number, self.options.repairs, [sample.turns for sample in samples]
        )
        earlier = _programs_before(state, number)
        return [_guided(write, samples[write.slot.sample], earlier) for write in writes]

    def _sample(self, state: RunState, number: int, place: int) -> Sample:
        """What a sample asks for; it shows programs of earlier rounds only."""
        known = state.ranked(_programs_before(state, number))
        if not known:
            return Sample(approach=APPROACHES[(number + place) % len(APPROACHES)])
        stuck = _rounds_without_improvement(state, number) > 0
        if stuck and place % 2:
            return Sample(approach="different")
        leader = known[0]
        other = next((p for p in known[1:] if not _same_kind(state, leader, p)), None)
        match _ROLES[place % len(_ROLES)]:
            case "combine" if other is not None:
                return Sample(tuple(program_turn(state, p, _FEEDBACK) for p in (other, leader)))
            case "improve other" if other is not None:
                return Sample(self._line(state, other))
            case "vary":
                return Sample(approach=APPROACHES[(number + place) % len(APPROACHES)])
        return Sample(self._line(state, leader))

    def _line(self, state: RunState, program: str) -> tuple[Turn, ...]:
        """A program after its trained ancestors, oldest first."""
        line = [program]
        while (parent := state.parent(line[0])) is not None and len(line) < self.options.history:
            line.insert(0, parent)
        trained = [p for p in line if state.trials_of(p, "selection")]
        return tuple(program_turn(state, p, _FEEDBACK) for p in trained)


def _guided(write: Write, sample: Sample, earlier: Sequence[str]) -> Write:
    """The request with what it asks for, and the earlier programs that it does not show."""
    hidden = [program for program in earlier if program not in write.parents]
    return replace(write, approach=sample.approach, tried=tuple(hidden[-_MOST_TRIED:]))


def _programs_before(state: RunState, number: int) -> list[str]:
    """The valid programs of the rounds before one, in their order."""
    found = [program for past in range(number) for program in accepted_programs(state, past)]
    return list(dict.fromkeys(found))


def _rounds_without_improvement(state: RunState, number: int) -> int:
    """Number of rounds before this one since the best program was written."""
    best = next(iter(state.ranked(_programs_before(state, number))), None)
    return number - 1 - state.programs[best].round if best is not None else number


def _same_kind(state: RunState, one: str, other: str) -> bool:
    """Whether the rewards of two programs are nearly the same; unknown counts as different."""
    for first, second in ((one, other), (other, one)):
        if second in state.similarity.get(first, {}):
            return state.similarity[first][second] >= _OTHER_KIND
    return False
