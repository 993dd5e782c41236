"""Comparisons by judges that a strategy asked for, and the rewards that were fitted to them."""

from __future__ import annotations

from typing import ClassVar

from rewardsmith.run.event import Event
from rewardsmith.run.judgements import AskedPairs, Pair
from rewardsmith.run.outcomes import SlotState
from rewardsmith.run.state import RunState
from rewardsmith.types import Slot


class ComparisonsAsked(Event):
    """Somebody is asked to compare clips.

    Attributes:
        round: that the answers belong to.
        pairs: clips that are to be compared.
        needed: answers for which the run waits.
    """

    kind: ClassVar[str] = "comparisons_asked"
    round: int
    pairs: tuple[Pair, ...]
    needed: int

    def apply(self, state: RunState) -> None:
        state.asked[self.round] = AskedPairs(self.pairs, self.needed)


class Compared(Event):
    """A judge has compared the clips of a round.

    Attributes:
        answers: number of them.
        decides: whether they decide which program is the best.
    """

    kind: ClassVar[str] = "compared"
    round: int
    answers: int
    decides: bool = False

    def apply(self, state: RunState) -> None:
        state.compared[self.round] = self.answers
        state.judges_decide |= self.decides
        state.asked.pop(self.round, None)
        state.settled_pairs = frozenset(one.pair for one in state.known_judgements())


class Learned(Event):
    """A reward was fitted to judgements.

    Attributes:
        program: its id; None if there were too few judgements.
        beside: the program that it is added to.
        pairs: that it was fitted to.
        accuracy: share of the pairs kept back that it orders as they were judged; None without.
        size: number of weights.
    """

    kind: ClassVar[str] = "learned"
    round: int
    program: str | None
    beside: str | None = None
    pairs: int = 0
    accuracy: float | None = None
    seal: str = ""
    size: int = 0

    def apply(self, state: RunState) -> None:
        state.learned[self.round] = self.program
        if self.program is None:
            return
        slot = Slot(self.round, 0)
        parents = (self.beside,) if self.beside is not None else ()
        entry = SlotState(slot, parents=parents, settled=True, program=self.program, accepted=True)
        state.slots.setdefault(slot, entry)
        state.programs.setdefault(self.program, slot)
        functions = state.functions[self.beside] if self.beside is not None else ()
        state.functions[self.program] = (*functions, "learned")
        state.sizes[self.program] = self.size
        state.seals.setdefault(self.program, self.seal)
