"""The orders of a strategy, as plain data: the engine carries them out.

An order is identified by its content; the engine never carries the same one out twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rewardsmith.maths.preference import Measure, Rule
from rewardsmith.types import Slot

Kind = Literal[
    "process", "trajectory", "subgoals", "audit", "exploit", "ablation", "prior", "preference",
    "judged", "choice", "user", "findings", "failed_round",
]  # fmt: skip
"""A kind of feedback.

process       fitness and terms along its training
trajectory    its best and its worst episode
subgoals      when its subgoals are reached, and whether they can be trusted
audit         what it rewards besides the goal
exploit       the failure that it prefers to success
ablation      the fitness of each of its functions alone
prior         where its prior on Q disagrees with the values that the best agent learned
preference    which recorded episodes it orders wrongly, so that it was not trained
judged        how it orders episodes that judges compared
choice        how its agents did in comparisons with those of other programs, and its terms
user          comments of the user
findings      why it was refused
failed_round  why every program of its round was refused
"""


@dataclass(frozen=True)
class Turn:
    """One past exchange that a request shows to the writer.

    Attributes:
        program: the program shown as the writer's own answer; None when the reply held no code.
        feedback: the kinds of feedback that follow it, in this order.
        slot: where the exchange happened.
    """

    program: str | None
    feedback: tuple[Kind, ...]
    slot: Slot


Approach = Literal["potential", "stages", "dense", "few", "different"]
"""A form of reward that a request asks for.

potential  the change of one function of the state
stages     stages on the way, each rewarded once the earlier ones are done
dense      bounded terms of the state on every step
few        as few terms as possible
different  none of those that were tried
"""


@dataclass(frozen=True)
class Write:
    """Request a program from the writer.

    Attributes:
        turns: the past turns that the request shows, oldest first.
        longer: how often the limit of the answer is doubled, after an answer that it cut off.
        approach: the form of reward that it asks for, so that the programs of a round differ; any
            if empty.
        tried: further programs of the run, which the request names in a line each.
    """

    slot: Slot
    turns: tuple[Turn, ...] = ()
    longer: int = 0
    approach: Approach | None = None
    tried: tuple[str, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the programs that the request shows."""
        return tuple(turn.program for turn in self.turns if turn.program is not None)


Rung = Literal["short", "selection", "exploit", "report", "transfer"]
"""What a training is for.

short      to see in fewer steps which programs are worth a training of the selection
selection  to choose a program
exploit    to find exploits of it, see :mod:`rewardsmith.train.exploiter`
report     to compare it with the native reward, on seeds that chose nothing
transfer   to compare both with another learning algorithm
"""


SEARCH_RUNGS: tuple[Rung, ...] = ("short", "selection")
"""The rungs of the search; the others follow it."""


@dataclass(frozen=True)
class Train:
    """Train agents under a program (or the native reward) and evaluate them: one trial per seed."""

    program: str
    seeds: tuple[int, ...]
    rung: Rung
    steps: int


@dataclass(frozen=True)
class Derive:
    """Make a program of some functions of another, to measure them without the rest."""

    program: str
    keep: tuple[str, ...]


@dataclass(frozen=True)
class Screen:
    """Screen a program on recorded episodes, before it is trained.

    Attributes:
        rule, measure: how its order of episodes is compared with the order of fitness, see
            :mod:`rewardsmith.maths.preference`.
        threshold: the least share in order that passes.
        contrast: number of better episodes, and of worse ones, that a verdict needs.
        known: use the episodes recorded before its round, or all up to now, including its own.
    """

    program: str
    rule: Rule
    measure: Measure
    threshold: float
    contrast: int
    known: Literal["before", "now"] = "before"


@dataclass(frozen=True)
class MeasureSimilarity:
    """Compare the rewards of a program with those of earlier ones, on recorded transitions."""

    program: str


JudgeName = Literal["fitness", "native", "model", "vision", "person"]
"""Who compares recorded episodes, see :data:`FILMED` for those who are shown films.

fitness  the fitness of the task, on whole episodes
native   the sum of the environment's own rewards
model    the language model of the run, from the fields as numbers
vision   the language model of the run, from pictures of films
person   somebody on the page of ``rewardsmith label``; the run waits for the answers
"""


FILMED: tuple[JudgeName, ...] = ("vision", "person")
"""Judges who are shown films, of which there is one of the first evaluation episode of a trial."""


@dataclass(frozen=True)
class Compare:
    """Have a judge compare recorded episodes, two by two.

    Attributes:
        round: that the answers belong to; each is asked for once.
        pairs: number of answers.
        steps: of each clip; 0 for whole episodes.
        flips: share of the answers of a scripted judge that are reversed, to simulate errors.
        programs: compare the first evaluation episodes of these programs, all with each other;
            clips of all recorded episodes if empty.
        decides: the answers decide which program is the best, in place of the fitness.
        seed: of the pairs and of the reversed answers.
    """

    round: int
    judge: JudgeName
    pairs: int
    steps: int = 0
    flips: float = 0.0
    programs: tuple[str, ...] = ()
    decides: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Learn:
    """Fit a reward to all judgements of the run so far.

    Attributes:
        round: that the fitted reward belongs to.
        beside: a program that it is added to; by itself if None.
        members: networks that are fitted.
        pessimism: standard deviations of the members that are taken off their mean.
        form: what the judgements are about, see :mod:`rewardsmith.learned.fitting`.
        seed: of the fit.
    """

    round: int
    beside: str | None = None
    members: int = 3
    pessimism: float = 0.0
    form: Literal["return", "final"] = "return"
    seed: int = 0


@dataclass(frozen=True)
class Audit:
    """Audit the subgoals of a program on recorded episodes, before it is trained.

    Attributes:
        most_false: allowed false alarms per transition.
        votes: number of answers of a model about each of some steps that reach a subgoal.
    """

    program: str
    most_false: float
    votes: int = 0


@dataclass(frozen=True)
class PlayScripts:
    """Record episodes of scripted actions, see :mod:`rewardsmith.episodes.scripted`."""


@dataclass(frozen=True)
class SearchExploits:
    """Look for failures that a program prefers to success, among all recorded episodes."""

    program: str


@dataclass(frozen=True)
class Extend:
    """Give the search one more round, because its best program did not hold."""

    reason: str


@dataclass(frozen=True)
class Stop:
    """The strategy has nothing more to do."""

    reason: str


Order = Write | Derive | Screen | MeasureSimilarity | Compare | Learn | Audit | Train | Stop
"""An order of a strategy."""

ClosingOrder = Train | PlayScripts | SearchExploits | Extend
"""An order of the end of a search, see :mod:`rewardsmith.engine.closing`."""

AnyOrder = Order | ClosingOrder
