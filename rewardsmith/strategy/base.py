"""The base class of strategies, and the requests and repairs that most of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from rewardsmith.run.orders import Order, Turn, Write
from rewardsmith.run.outcomes import SlotState
from rewardsmith.run.state import RunState
from rewardsmith.types import Slot


class StrategyOptions(BaseModel):
    """Options of a strategy; unknown ones are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


OptionsT = TypeVar("OptionsT", bound=StrategyOptions)


@dataclass(frozen=True)
class Shape:
    """The size of a search that asks in rounds.

    Attributes:
        rounds: number of rounds.
        samples: programs per round.
        seeds: trainings per program, each on a seed of its own.
        asking: the first rounds, in which programs are asked for; None for all of them.
    """

    rounds: int
    samples: int
    seeds: int
    asking: int | None = None


@dataclass(frozen=True)
class Needs:
    """What a strategy needs of the writer and of the bank.

    Attributes:
        examples: rewards of similar tasks that the writer is shown.
        votes: questions to the model about each of a few steps at which a subgoal becomes true.
        contrast: better and worse trajectories, of each, without which the bank decides nothing.
        seed: seed of a writer that draws at random.
        judge: whether a model compares episodes.
        instruction: text field that a writer asks questions about; the task's first if empty.
    """

    examples: int = 0
    votes: int = 0
    contrast: int = 3
    seed: int = 0
    judge: bool = False
    instruction: str = ""


class Strategy(ABC, Generic[OptionsT]):
    """Decides the next step of a run. Made once per run.

    Class attributes:
        Options: the record of its options.
        produces: functions that programs define by default: names joined by commas, or ``all``.
        shaping: what it sets in ``[training.shaping]`` by default.
        chooses_by_fitness: whether it needs a fitness, by which programs are compared.
        takes_comments: whether a comment of the user (``rewardsmith say``) changes its next round.
        prompts: folder that holds ``<name of the strategy>/*.md.j2``, for a strategy of another
            package.

    Args:
        options: its options, checked.
        steps: training steps of each training.
    """

    Options: ClassVar[type[StrategyOptions]] = StrategyOptions
    produces: ClassVar[str] = "reward"
    shaping: ClassVar[Mapping[str, Any]] = {}
    chooses_by_fitness: ClassVar[bool] = True
    takes_comments: ClassVar[bool] = True
    prompts: ClassVar[Path | None] = None

    def __init__(self, options: OptionsT, steps: int) -> None:
        self.options = options
        self.steps = steps

    @property
    def needs(self) -> Needs:
        """What it needs of the writer and of the bank."""
        return Needs()

    @property
    def shape(self) -> Shape | None:
        """The size of its search; None where it does not ask in rounds."""
        return None

    @abstractmethod
    def plan(self, state: RunState) -> Sequence[Order]:
        """Orders that can be carried out in any order, or a single :class:`Stop`."""

    @abstractmethod
    def planned_requests(self) -> int:
        """The most requests that the strategy can make, for estimates."""

    @abstractmethod
    def usual_requests(self) -> int:
        """The requests that it makes where every program is valid."""

    def judge_requests(self) -> int:
        """The requests to a model that compares episodes, besides those for programs."""
        return 0

    @abstractmethod
    def planned_trials(self) -> int:
        """The most trainings that the strategy can order before the final comparison."""

    @abstractmethod
    def trials_per_program(self) -> int:
        """The trainings that each valid program gets first."""


def attempts(state: RunState, round_number: int, sample: int) -> list[SlotState]:
    """The attempts at one sample so far, in order."""
    return [slot for slot in state.round_slots(round_number) if slot.slot.sample == sample]


def write_wave(
    state: RunState, round_number: int, repairs: int, turns: Sequence[tuple[Turn, ...]]
) -> list[Write]:
    """The requests that a round still needs: first attempts, then repairs of rejected programs.

    Empty once the budget is spent, so that the programs that exist are still trained.

    A repair waits until every sample has had the attempt before, so that the requests of a round do
    not depend on which reply arrives first. A reply that the token limit ended is requested once
    more with twice the limit; this is no repair. After a refusal of the model or an empty reply,
    the same request is repeated.

    Args:
        repairs: number of repairs per sample.
        turns: for each sample, the past turns that its requests show.
    """
    for attempt in range(most_attempts(repairs)) if state.refused is None else ():
        orders = []
        for sample, past in enumerate(turns):
            made = attempts(state, round_number, sample)
            cuts = sum(slot.outcome == "cut" for slot in made)
            allowed = 1 + repairs + min(cuts, 1)
            if len(made) > attempt or attempt >= allowed or any(slot.accepted for slot in made):
                continue
            findings = tuple(
                Turn(slot.program, ("findings",), slot.slot) for slot in made if slot.holds_code
            )
            orders.append(
                Write(Slot(round_number, sample, attempt), past + findings, longer=min(cuts, 1))
            )
        if orders:
            return orders
    return []


def most_attempts(repairs: int) -> int:
    """The most requests of one sample: the first, its repairs, one after the token limit."""
    return 2 + repairs


def accepted_programs(state: RunState, round_number: int) -> list[str]:
    """Ids of the valid programs of a round in the order of their slots, without duplicates."""
    found = [
        slot.program for slot in state.round_slots(round_number) if slot.accepted and slot.program
    ]
    return list(dict.fromkeys(found))
