"""What a strategy may ask for. Plain data: deciding is apart from doing.

An order is identified by its content; the engine never carries the same one out twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rewardsmith.types import Slot


@dataclass(frozen=True)
class Turn:
    """One past exchange that a request shows to the writer.

    Attributes:
        program: the program shown as the writer's own answer; None when the reply held no code.
        feedback: what follows it: the process feedback of its training, the findings that refused it, or
            the findings of a whole round in which nothing was valid.
        slot: where the exchange happened.
    """

    program: str | None
    feedback: Literal["process", "findings", "failed_round"]
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
class Stop:
    """The strategy has nothing more to do."""

    reason: str


Order = Write | Train | Stop
