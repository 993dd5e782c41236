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
    "judged", "user", "findings", "failed_round",
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


@dataclass(frozen=True)
class Write:
    """Request a program from the writer.

    Attributes:
        turns: the past turns that the request shows, oldest first.
        longer: how often the limit of the answer is doubled, after an answer that it cut off.
    """

    slot: Slot
    turns: tuple[Turn, ...] = ()
    longer: int = 0

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the programs that the request shows."""
        return tuple(turn.program for turn in self.turns if turn.program is not None)


Rung = Literal["selection", "exploit", "report", "transfer"]
"""What a training is for.

selection  to choose a program
exploit    to find exploits of it, see :mod:`rewardsmith.train.exploiter`
report     to compare it with the native reward, on seeds that chose nothing
transfer   to compare both with another learning algorithm
"""


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


Order = Write | Derive | Screen | Audit | Train | Stop
"""An order of a strategy."""

ClosingOrder = Train | PlayScripts | SearchExploits | Extend
"""An order of the end of a search, see :mod:`rewardsmith.engine.closing`."""

AnyOrder = Order | ClosingOrder
