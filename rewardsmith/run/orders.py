"""What a strategy may ask for. Plain data: deciding is apart from doing.

An order is identified by its content; the engine never carries the same one out twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rewardsmith.maths.preference import Measure, Rule
from rewardsmith.types import Slot

Kind = Literal[
    "process", "trajectory", "subgoals", "audit", "ablation", "prior", "preference", "person", "findings",
    "failed_round",
]  # fmt: skip
"""A kind of feedback.

process       how fitness and terms went along its training
trajectory    what its best and its worst episode looked like
subgoals      when its subgoals come true, and whether they may be trusted
audit         what it pays for besides the goal
ablation      what each of its functions earned alone
prior         where its prior on Q disagrees with what the best agent of its parts learned
preference    which known behaviour it puts in the wrong order, so that it was not trained
person        what a person said of it
findings      why it was refused
failed_round  why every program of its round was refused
"""


@dataclass(frozen=True)
class Turn:
    """One past exchange that a request shows to the writer.

    Attributes:
        program: the program shown as the writer's own answer; None when the reply held no code.
        feedback: what follows it, in this order.
        slot: where the exchange happened.
    """

    program: str | None
    feedback: tuple[Kind, ...]
    slot: Slot


@dataclass(frozen=True)
class Write:
    """Ask the coder for a program.

    Attributes:
        turns: the past that the request tells, oldest first.
        longer: how often the limit of the answer is doubled, after an answer that it cut off.
    """

    slot: Slot
    turns: tuple[Turn, ...] = ()
    longer: int = 0

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the programs that the request shows."""
        return tuple(turn.program for turn in self.turns if turn.program is not None)


Rung = Literal["selection", "report"]


@dataclass(frozen=True)
class Train:
    """Train agents under a program (or the native reward) and evaluate them: one trial per seed."""

    program: str
    seeds: tuple[int, ...]
    rung: Rung
    steps: int


@dataclass(frozen=True)
class Derive:
    """Make a program of some of the functions of another, to see what they do without the rest."""

    program: str
    keep: tuple[str, ...]


@dataclass(frozen=True)
class Screen:
    """Hold a program against the bank, before it is trained.

    Attributes:
        rule, measure: how its order of trajectories is compared with that of fitness, see
            :mod:`rewardsmith.maths.preference`.
        threshold: the least share in order with which it passes.
        contrast: better and worse trajectories that there must be, of each, for a verdict.
        known: the behaviour that was known before its round, or all that is known now, its own
            among it.
    """

    program: str
    rule: Rule
    measure: Measure
    threshold: float
    contrast: int
    known: Literal["before", "now"] = "before"


@dataclass(frozen=True)
class Audit:
    """Hold the subgoals of a program against the bank, before agents are paid for them.

    Attributes:
        most_false: false alarms per transition that are allowed.
        votes: how often a model is asked about each of some steps in which a subgoal comes true.
    """

    program: str
    most_false: float
    votes: int = 0


@dataclass(frozen=True)
class Stop:
    """The strategy has nothing more to do."""

    reason: str


Order = Write | Derive | Screen | Audit | Train | Stop
