"""The state of a run: folded from its events, see :mod:`rewardsmith.run.events`, and never stored.

Programs are kept by id and slots by (round, sample, attempt): no list is parallel to another, so
nothing can be credited to the wrong program.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import mean
from typing import get_args

from rewardsmith.episodes.preflight import Preflight
from rewardsmith.maths.racing import moderated_bounds
from rewardsmith.maths.statistics import interval
from rewardsmith.program import NATIVE
from rewardsmith.run.judgements import (
    AskedPairs,
    Judgement,
    KnownJudgement,
    Pair,
    Standing,
    program_strengths,
    standing_of,
)
from rewardsmith.run.outcomes import (
    AuditState,
    ExploitState,
    ScreenState,
    ScreenVerdict,
    SlotState,
    TrialKey,
    TrialState,
)
from rewardsmith.run.settings import Budget
from rewardsmith.types import Interval, Slot

REWARDS_NOT_FINISHING = "RS503"
SUSPECTS_LEAD, EXPLOITED_LEAD = 0.05, 0.5
TIE, TIE_SEEDS = 0.02, 3
OFTEN = 0.5  # of the episodes
SAME_REWARDS = 0.999  # cosine of the angle between the rewards of two programs


@dataclass
class RunState:
    """Everything that decisions depend on."""

    slots: dict[Slot, SlotState] = field(default_factory=dict)
    trials: dict[TrialKey, TrialState] = field(default_factory=dict)
    screens: dict[str, ScreenState] = field(default_factory=dict)
    # program -> earlier program -> cosine of the angle between their rewards
    similarity: dict[str, dict[str, float]] = field(default_factory=dict)
    # (request, occurrence) of questions to a judge
    consulted: set[tuple[str, int]] = field(default_factory=set)
    audits: dict[str, AuditState] = field(default_factory=dict)
    exploits: dict[str, ExploitState] = field(default_factory=dict)
    scripted: bool = False  # whether episodes of scripted actions were recorded
    extra_rounds: int = 0
    closed_before: int | None = None  # the first round after an exploit search or a report
    earlier_looks: int = 0  # reports that were made before the search last went on
    report_seeds: int | None = None  # of each final comparison, where the user asked for more
    reopened: int = 0  # how often the user let the search go on
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of accepted programs
    sizes: dict[str, int] = field(default_factory=dict)  # of accepted programs, in syntax nodes
    # (whole, kept) -> program
    derived: dict[tuple[str, tuple[str, ...]], str | None] = field(default_factory=dict)
    comments: dict[str, list[str]] = field(default_factory=dict)  # program -> the user's comments
    # (two trials, labeller) -> which one's episode is better
    judgements: dict[tuple[Pair, str], KnownJudgement] = field(default_factory=dict)
    asked: dict[int, AskedPairs] = field(default_factory=dict)  # round -> what a person is asked
    compared: dict[int, int] = field(default_factory=dict)  # round -> answers of its judge
    # those that had an answer at the end of the last comparison; no judge is asked about them again
    settled_pairs: frozenset[Pair] = frozenset()
    judges_decide: bool = False  # which program is the best, in place of the fitness
    learned: dict[int, str | None] = field(default_factory=dict)  # round -> the fitted reward
    # accepted programs -> where each first came from
    programs: dict[str, Slot] = field(default_factory=dict)
    # checked programs -> digest of them and their verdicts
    seals: dict[str, str] = field(default_factory=dict)
    wave: frozenset[Slot | TrialKey] = frozenset()  # what the budget admitted last
    # trials that the budget admitted -> their training steps
    admitted: dict[TrialKey, int] = field(default_factory=dict)
    preflight: Preflight | None = None
    raised: Budget = field(default_factory=Budget)  # limits of later sessions
    tokens: int = 0
    usd: float = 0.0  # of what has a price
    unpriced: int = 0  # replies whose price is unknown
    requests: int = 0
    steps: int = 0
    active_s: float = 0.0
    refused: str | None = None  # why no more requests may be made, until a budget is raised
    stopped: str | None = None
    exported: str | None = None

    def close(self) -> None:
        """Note that the search stopped: what follows is known only to later rounds."""
        if self.closed_before is None:
            self.closed_before = 1 + max((slot.round for slot in self.slots), default=-1)

    def round_slots(self, number: int) -> list[SlotState]:
        """The slots of a round in slot order."""
        return [state for slot, state in sorted(self.slots.items()) if slot.round == number]

    def known_judgements(self, number: int | None = None) -> list[Judgement]:
        """The judgements that were made before the round after this one; all of them for None."""
        return [
            known.judgement
            for known in self.judgements.values()
            if number is None or known.after <= number
        ]

    def judgement(self, pair: Pair, by: str) -> Judgement | None:
        """The last answer of a labeller about two trials."""
        known = self.judgements.get((pair, by))
        return known.judgement if known is not None else None

    def unanswered(self) -> bool:
        """Whether requests of the last wave have no reply yet."""
        return any(isinstance(part, Slot) and part not in self.slots for part in self.wave)

    def score(self, program: str, rung: str = "selection") -> Interval | None:
        """Mean fitness over training seeds with its interval; None unless every seed finished."""
        fitness = self.fitness(program, rung)
        return interval(fitness, self.fitness_range) if fitness else None

    def fitness(self, program: str, rung: str = "selection") -> list[float]:
        """The fitness of each training seed; empty unless every seed finished.

        A mean over those seeds that happen to be there would change when the rest arrives, and
        flatters: what failed is missing from it.
        """
        trials = self.trials_of(program, rung)
        finished = [trial.fitness for trial in trials if trial.fitness is not None]
        owed = any(key[::2] == (program, rung) for key in self.admitted.keys() - self.trials.keys())
        return [] if owed or len(finished) != len(trials) else finished

    def success_rate(self, program: str) -> float | None:
        """The mean over the selection seeds; None where none finished or success is not defined."""
        trials = self.trials_of(program, "selection")
        rates = [trial.success_rate for trial in trials if trial.success_rate is not None]
        return mean(rates) if rates else None

    def often_succeeds(self, program: str) -> bool:
        """Whether agents of a program succeed in at least half of their episodes."""
        return (self.success_rate(program) or 0.0) >= OFTEN

    @property
    def has_fitness(self) -> bool:
        """Whether the task has a fitness; without one, each score is 0 and says nothing."""
        return self.preflight is None or self.preflight.has_fitness

    @property
    def fitness_range(self) -> tuple[float, float] | None:
        """Lowest and highest possible fitness; None where the task does not name them."""
        return self.preflight.fitness_range if self.preflight is not None else None

    def trials_of(self, program: str, rung: str) -> list[TrialState]:
        """The trials of a program on a rung, by seed."""
        found = [
            trial
            for (name, _, level), trial in self.trials.items()
            if name == program and level == rung
        ]
        return sorted(found, key=lambda trial: trial.seed)

    def parent(self, program: str) -> str | None:
        """The parent of a program: the last valid program that its request showed, or None."""
        shown = self.slots[self.programs[program]].parents if program in self.programs else ()
        return next((name for name in reversed(shown) if name in self.programs), None)

    def failed(self, program: str) -> bool:
        """Whether a program failed the screening."""
        return program in self.screens and self.screens[program].verdict == "failed"

    def twin(self, program: str) -> str | None:
        """The first earlier program with the same rewards up to a positive factor, if any."""
        found = self.similarity.get(program, {})
        return next((other for other, value in found.items() if value >= SAME_REWARDS), None)

    def screen_verdicts(self) -> dict[str, int]:
        """Verdict -> number of the screened programs that have it."""
        verdicts = [screen.verdict for screen in self.screens.values()]
        return {verdict: verdicts.count(verdict) for verdict in get_args(ScreenVerdict)}

    def skipped(self) -> list[str]:
        """Programs that were not trained because screening or audit refused them."""
        failed = [name for name in self.screens if self.failed(name)]
        failed += [name for name, audit in self.audits.items() if audit.refused]
        return [name for name in failed if not self.trials_of(name, "selection")]

    def rewards_not_finishing(self, program: str) -> bool:
        """Whether an episode without success may have a higher return than a success (RS503).

        Its agents may discover that on any further seed, so that the scores of a few seeds are too
        optimistic.
        """
        return program in self.screens and REWARDS_NOT_FINISHING in self.screens[program].concerns

    def exploited(self, program: str) -> bool:
        """Whether a failure is known that the program prefers to success."""
        return program in self.exploits and self.exploits[program].verdict == "exploited"

    @property
    def looks(self) -> list[str]:
        """The programs that were compared on report seeds, in order."""
        reported = dict.fromkeys(name for name, _, rung in self.admitted if rung == "report")
        return [name for name in reported if name != NATIVE]

    def unsolved_report_seeds(self, program: str) -> int:
        """Number of finished report trials of a program that do not solve the task."""
        solved = self.preflight.solved_from if self.preflight is not None else None
        if solved is None:
            return 0
        trials = self.trials_of(program, "report")
        return sum(trial.fitness < solved for trial in trials if trial.fitness is not None)

    @property
    def best(self) -> str | None:
        """The program that the run chooses: of those with a report the best one, else the leader.

        What is known against a program counts as in :meth:`ranked`.
        """
        if self.judges_decide:
            return next(iter([*self.ranked(self.looks), *self.ranked()]), None)
        found = {name: self.score(name, "report") for name in self.looks}
        worth = self._worth({name: score.mean for name, score in found.items() if score})
        return max(worth, key=lambda name: worth[name]) if worth else self.leader

    @property
    def leader(self) -> str | None:
        """The program that leads the search, by :meth:`standing`."""
        return next(iter(self.standing()), None)

    def ranked(self, programs: Iterable[str] | None = None) -> list[str]:
        """Programs with a selection score, by their mean; ties go to the program that came first.

        A program whose report has seeds that do not solve the task counts with its report score.
        A program with a known exploit must lead by half of the difference between the best score
        and the random policy, and one with finding RS503 by a twentieth of it. Among equal scores,
        the larger exploit margin leads.

        This is the order in which strategies try programs. What is reported and exported follows
        :meth:`standing`. Where judges decide, the order of both is that of their judgements.
        """
        if self.judges_decide:
            return self._judged_order(programs)
        fitness = self.known_fitness(programs)
        worth = self._worth({name: mean(values) for name, values in fitness.items()})

        def rank(program: str) -> tuple[float, float, Slot, str]:
            return -worth[program], -self._margin(program), self.programs[program], program

        return sorted(worth, key=rank)

    def standing(self) -> list[str]:
        """Programs with a selection score, by the lower confidence bound of their mean.

        What is known against a program counts as in :meth:`ranked`. Programs of at least three
        seeds whose bounds are equal within a fiftieth of the way from the random policy to the
        best score are tied: the larger exploit margin leads, then the simpler program.

        A program whose report has seeds that do not solve the task leads only if it also has the
        highest mean.
        """
        ranked = self.ranked()
        if self.judges_decide:
            return ranked
        failed = [program for program in ranked if self.unsolved_report_seeds(program)]
        if ranked[:1] == failed[:1]:
            return ranked
        bounds = moderated_bounds(self.known_fitness(), within=self.fitness_range)
        known = all(math.isfinite(bound.low) for bound in bounds.values())
        way = self._way(bound.mean for bound in bounds.values())
        lows = {p: bound.low if known else bound.mean for p, bound in bounds.items()}
        worth = {program: low - way * self._lead(program) for program, low in lows.items()}
        order = sorted(
            (program for program in ranked if program not in failed),
            key=lambda program: -worth[program],
        )  # a stable sort: equal bounds keep the order of the means
        if bounds[order[0]].n >= TIE_SEEDS:
            least = worth[order[0]] - TIE * way
            tied = [p for p in order if worth[p] >= least and bounds[p].n >= TIE_SEEDS]
            tied.sort(key=lambda program: (-self._margin(program), self.sizes.get(program, 0)))
            order = [*tied, *(program for program in order if program not in tied)]
        return [*order, *failed]

    def _judged_order(self, programs: Iterable[str] | None) -> list[str]:
        """Programs with a selection score, the one that judges prefer the most first.

        Those whose agents were compared with no others come last.
        """
        strength = program_strengths(self.known_judgements())

        def rank(program: str) -> tuple[float, Slot, str]:
            return -strength.get(program, -math.inf), self.programs[program], program

        return sorted(self.known_fitness(programs), key=rank)

    def judged_standing(self, program: str) -> Standing | None:
        """Where a program stands among those that were compared; None if it was not."""
        strength = program_strengths(self.known_judgements())
        known = {name: value for name, value in strength.items() if name in self.programs}
        return standing_of(program, known) if program in known else None

    @property
    def tie_width(self) -> float:
        """Difference of mean fitness below which programs are tied."""
        means = [mean(values) for values in self.known_fitness().values()]
        return TIE * self._way(means)

    def known_fitness(self, programs: Iterable[str] | None = None) -> dict[str, list[float]]:
        """Program -> the fitness of its seeds, of those with a score.

        Of a program whose report has seeds that do not solve the task, those of the report.
        """
        known = self.programs if programs is None else [p for p in programs if p in self.programs]
        rungs = {p: "report" if self.unsolved_report_seeds(p) else "selection" for p in known}
        found = {
            p: self.fitness(p, rung) or self.fitness(p, "selection") for p, rung in rungs.items()
        }
        return {program: values for program, values in found.items() if values}

    def _worth(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Scores less the lead that a program must have."""
        way = self._way(scores.values())
        return {program: score - way * self._lead(program) for program, score in scores.items()}

    def _way(self, scores: Iterable[float]) -> float:
        """How far the best score is above the random policy."""
        random = self.preflight.mean_random_fitness if self.preflight is not None else 0.0
        return max(0.0, max(scores, default=0.0) - random)

    def _margin(self, program: str) -> float:
        """The exploit margin, 0 where it is not known."""
        found = self.exploits.get(program)
        return found.margin or 0.0 if found is not None else 0.0

    def _lead(self, program: str) -> float:
        """By how much a doubtful program must lead, as a share of the way to the best score."""
        if self.exploited(program):
            return EXPLOITED_LEAD
        return SUSPECTS_LEAD * self.rewards_not_finishing(program)

    def spend(self, tokens: int, usd: float | None) -> None:
        """Count a request and what it cost; None where the price is unknown."""
        self.requests += 1
        self.tokens += tokens
        self.usd += usd or 0.0
        self.unpriced += usd is None
