"""What every strategy is, and the wave of requests and repairs that most of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from rewardsmith.run.orders import Order, Turn, Write
from rewardsmith.run.state import RunState, SlotState
from rewardsmith.types import Slot


class StrategyOptions(BaseModel):
    """Options of a strategy; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Strategy(Protocol):
    """Decides what to do next. Made once per run from its options.

    ``produces`` and ``shaping`` may be left out: a reward, and the task's own. One from another
    package brings its
    texts: a class attribute ``prompts``, the path of a folder that holds ``<name of the
    strategy>/*.md.j2``.
    """

    Options: ClassVar[type[StrategyOptions]]
    produces: ClassVar[str]  # the functions that programs define where nobody says otherwise
    shaping: ClassVar[
        Mapping[str, Any]
    ]  # what it sets of [training.shaping] where nobody says otherwise

    @property
    def options(self) -> StrategyOptions:
        """Its options, resolved."""

    def plan(self, state: RunState) -> Sequence[Order]:
        """Orders that can be carried out in any order, or a single :class:`Stop`."""

    def planned_requests(self) -> int:
        """The most requests that the strategy can make, for estimates."""

    def usual_requests(self) -> int:
        """The requests that it makes where every program is valid."""

    def planned_trials(self) -> int:
        """The most trainings that the strategy can ask for before the report."""

    def trials_per_program(self) -> int:
        """The trainings that a valid program will first be given."""


def attempts(state: RunState, round_number: int, sample: int) -> list[SlotState]:
    """The attempts made at one sample so far, in order."""
    return [slot for slot in state.round_slots(round_number) if slot.slot.sample == sample]


def write_wave(
    state: RunState, round_number: int, repairs: int, turns: Sequence[tuple[Turn, ...]]
) -> list[Write]:
    """The requests that a round still owes: first attempts, then repairs of what was refused.

    None once the budget allows no more, so that what was bought before is still trained.

    A repair waits until the whole attempt before it is settled, so that the requests of a round do
    not depend on which reply came first. An answer that its limit cut off is asked for once more
    with twice the limit, which is no repair; one that a model refused or left empty is asked for
    again as if for the first time.

    Args:
        repairs: how often the findings of a refused program are sent back.
        turns: the past that the requests of each sample show; as many programs are asked for.
    """
    for attempt in range(most_attempts(repairs)) if state.refused is None else ():
        owed = []
        for sample, past in enumerate(turns):
            tried = attempts(state, round_number, sample)
            cuts = sum(slot.outcome == "cut" for slot in tried)
            allowed = 1 + repairs + min(cuts, 1)
            if len(tried) > attempt or attempt >= allowed or any(slot.accepted for slot in tried):
                continue
            told = tuple(
                Turn(slot.program, ("findings",), slot.slot) for slot in tried if slot.holds_code
            )
            owed.append(
                Write(Slot(round_number, sample, attempt), past + told, longer=min(cuts, 1))
            )
        if owed:
            return owed
    return []


def most_attempts(repairs: int) -> int:
    """The most requests that one sample can take: the first, its repairs, and one more after an answer cut off."""
    return 2 + repairs


def accepted_programs(state: RunState, round_number: int) -> list[str]:
    """Ids of the valid programs of a round, in the order of their slots, each once."""
    found = [
        slot.program for slot in state.round_slots(round_number) if slot.accepted and slot.program
    ]
    return list(dict.fromkeys(found))
