"""What every strategy is, and the wave of requests and repairs that most of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field

from rewardsmith.maths.preference import Measure, Rule
from rewardsmith.orders import Kind, Order, Screen, Train, Turn, Write
from rewardsmith.state import RunState, SlotState
from rewardsmith.types import Slot


class StrategyOptions(BaseModel):
    """Options of a strategy; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ScreenOptions(StrategyOptions):
    """Options of a strategy that holds programs against the bank before they are trained.

    Attributes:
        screen: how the order of known behaviour is compared, see :mod:`rewardsmith.maths.preference`; ``off`` trains
            every valid program.
        measure: what a trajectory's pay is: its mean per step, discounted sum, or sum.
        threshold: the least share in order.
        trained_anyway: share of the programs that failed which are trained all the same, drawn by their id: it tells
            how often the bank is wrong.
    """

    screen: Rule | Literal["off"] = "off"
    measure: Measure = "mean"
    threshold: float = Field(0.8, ge=0, le=1)
    trained_anyway: float = Field(0.1, ge=0, le=1)


class Strategy(Protocol):
    """Decides what to do next. Made once per run from its options.

    One from another package brings its texts: a class attribute ``prompts``, the path of a folder that holds
    ``<name of the strategy>/*.md.j2``.
    """

    Options: ClassVar[type[StrategyOptions]]

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


def write_wave(state: RunState, round_number: int, repairs: int, turns: Sequence[tuple[Turn, ...]]) -> list[Write]:
    """The requests that a round still owes: first attempts, then repairs of what was refused.

    None once the budget allows no more, so that what was bought before is still trained.

    A repair waits until the whole attempt before it is settled, so that the requests of a round do not
    depend on which reply came first. An answer that its limit cut off is asked for once more with twice the limit,
    which is no repair; one that a model refused or left empty is asked for again as if for the first time.

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
            told = tuple(Turn(slot.program, ("findings",), slot.slot) for slot in tried if slot.holds_code)
            owed.append(Write(Slot(round_number, sample, attempt), past + told, longer=min(cuts, 1)))
        if owed:
            return owed
    return []


def most_attempts(repairs: int) -> int:
    """The most requests that one sample can take: the first, its repairs, and one more after an answer cut off."""
    return 2 + repairs


def screenings(state: RunState, programs: Sequence[str], options: ScreenOptions) -> list[Screen]:
    """The programs that have yet to be held against the bank."""
    if options.screen == "off":
        return []
    owed = [program for program in programs if program not in state.screens]
    return [Screen(program, options.screen, options.measure, options.threshold) for program in owed]


def worth_training(state: RunState, programs: Sequence[str], options: ScreenOptions) -> list[str]:
    """Those that the bank does not speak against, and a share of the others."""
    if options.screen == "off":
        return list(programs)
    return [p for p in programs if state.screens[p].verdict != "failed" or _draw(p) < options.trained_anyway]


def _draw(program: str) -> float:
    """A number in [0, 1) that is always the same for a program."""
    return crc32(program.encode()) / 2**32


def accepted_programs(state: RunState, round_number: int) -> list[str]:
    """Ids of the valid programs of a round, in the order of their slots, each once."""
    found = [slot.program for slot in state.round_slots(round_number) if slot.accepted and slot.program]
    return list(dict.fromkeys(found))


def trainings(state: RunState, programs: Sequence[str], seeds: int, steps: int) -> list[Train]:
    """The selection trainings that these programs still owe, on seeds from 0."""
    owed = {p: tuple(s for s in range(seeds) if (p, s, "selection") not in state.trials) for p in programs}
    return [Train(program, left, "selection", steps) for program, left in owed.items() if left]


def rounds_owed(state: RunState, rounds: int) -> int:
    """So many, and one more each time that a person said something."""
    return rounds + sum(map(len, state.said.values()))


def lesson(state: RunState, number: int, trained: tuple[Kind, ...]) -> Turn | None:
    """The best program of a round and what came of it; of a failed round, its findings.

    Args:
        trained: what is told of a program that was trained; of one that was not, why the bank spoke against it.
    """
    accepted = accepted_programs(state, number)
    if not accepted:
        answered = [slot for slot in state.round_slots(number) if slot.holds_code]
        return Turn(answered[-1].program, ("failed_round",), answered[-1].slot) if answered else None
    best = next(iter([*state.ranked(accepted), *accepted]))
    return told_of(state, best, trained)


def told_of(state: RunState, program: str, trained: tuple[Kind, ...]) -> Turn:
    """What a request tells of a valid program, and what a person said of it."""
    kinds: tuple[Kind, ...] = trained if state.trials_of(program, "selection") else ("preference",)
    said: tuple[Kind, ...] = ("person",) if state.said.get(program) else ()
    return Turn(program, (*kinds, *said), state.programs[program])
