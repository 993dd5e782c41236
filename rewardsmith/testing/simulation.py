"""Simulated runs of a strategy: events are made by hand, and nothing is carried out."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Literal

from rewardsmith.program import ENTRY_POINTS
from rewardsmith.run.event import Event
from rewardsmith.run.events import (
    Audited,
    Checked,
    Derived,
    Replied,
    Screened,
    SimilarityMeasured,
    Trained,
    fold,
)
from rewardsmith.run.judge_events import Compared, Learned
from rewardsmith.run.orders import (
    Audit,
    Compare,
    Derive,
    Learn,
    MeasureSimilarity,
    Order,
    Rung,
    Screen,
    Stop,
    Train,
    Write,
)
from rewardsmith.run.outcomes import AuditState, ScreenState, ScreenVerdict, TrialState
from rewardsmith.run.state import REWARDS_NOT_FINISHING
from rewardsmith.strategy.base import Strategy
from rewardsmith.types import Outcome, Slot

LONGEST_RUN = 500  # waves of orders
_VERDICTS: tuple[ScreenVerdict, ...] = ("passed", "failed", "unscreened")
_OUTCOMES: tuple[Outcome, ...] = ("code",) * 8 + ("no_code", "cut", "refusal", "empty")

Chains = list[list[Event]]  # the results of an order: each chain of events keeps its order
CarryOut = Callable[[Order], Chains]


def replied(slot: Slot, parents: tuple[str, ...] = ()) -> Replied:
    """A reply came to a request that shows these programs."""
    request = f"r{slot.round}.{slot.attempt}"
    return Replied(slot=slot, parents=parents, request=request, occurrence=slot.sample)


def checked(
    slot: Slot, program: str | None, *functions: str, outcome: Outcome | None = None
) -> Checked:
    """A reply was checked; a program whose name begins with ``!`` is refused."""
    accepted = program is not None and not program.startswith("!")
    return Checked(
        slot=slot,
        program=program,
        accepted=accepted,
        outcome=outcome or ("code" if program is not None else "no_code"),
        findings=() if accepted else (f"RS000 error: {program} at {slot}",),
        functions=functions or ("reward",),
    )


def trained(
    program: str,
    seed: int,
    fitness: float | None,
    status: Any = None,
    rung: Rung = "selection",
) -> Trained:
    """A trial ended; it solves every episode if its fitness is 1 or more."""
    trial = TrialState(
        program=program,
        seed=seed,
        rung=rung,
        status=status or ("finished" if fitness is not None else "program_failed"),
        fitness=fitness,
        success_rate=None if fitness is None else float(fitness >= 1.0),
        steps=10,
    )
    return Trained(trial=trial)


def screened(
    program: str, verdict: ScreenVerdict = "passed", share: float | None = 1.0, *concerns: str
) -> Screened:
    """A program was screened."""
    screen = ScreenState(program=program, verdict=verdict, share=share, concerns=concerns)
    return Screened(screen=screen)


def audited(program: str, verdict: Literal["passed", "refused"] = "passed") -> Audited:
    """The subgoals of a program were audited."""
    return Audited(audit=AuditState(program=program, verdict=verdict))


def derived(whole: str, kept: Sequence[str], program: str | None) -> Derived:
    """A program was made of some functions of another."""
    return Derived(whole=whole, kept=tuple(kept), program=program, seal="s")


def play(
    strategy: Strategy[Any],
    carry_out: CarryOut,
    shuffle: Callable[[list[Any]], None] = lambda _: None,
    events: Sequence[Event] = (),
) -> tuple[list[Event], list[list[Order]]]:
    """A whole run: its events and its waves of orders.

    Args:
        shuffle: changes the order in which the results of a wave arrive.
        events: of a run that was interrupted, to be continued.

    Raises:
        RuntimeError: the strategy does not stop.
    """
    happened, waves = list(events), list[list[Order]]()
    for _ in range(LONGEST_RUN):
        orders = list(strategy.plan(fold(happened)))
        waves.append(orders)
        if any(isinstance(order, Stop) for order in orders):
            return happened, waves
        chains = [chain for order in orders for chain in carry_out(order)]
        while chains:
            shuffle(chains)
            happened.append(chains[0].pop(0))
            chains = [chain for chain in chains if chain]
    raise RuntimeError(f"the strategy did not stop within {LONGEST_RUN} waves of orders")


class Chance:
    """Carries out orders with results that look like chance: a function of order and seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, order: Order) -> Chains:
        """The results of an order."""
        draw = random.Random(f"{self._seed} {order}")
        match order:
            case Write(slot):
                return [[replied(slot, order.parents), self._checked(slot, draw)]]
            case Train(program, seeds, rung):
                return [[self._trained(program, seed, rung)] for seed in seeds]
            case MeasureSimilarity(program):
                twin = {"p0": draw.choice([0.5, 1.0])} if program != "p0" else {}
                return [[SimilarityMeasured(program=program, similarity=twin)]]
            case Compare(number):
                return [[Compared(round=number, answers=draw.randint(0, 50))]]
            case Learn(number, beside):
                name = draw.choice([None, f"learned{number}", f"learned{number}"])
                return [[Learned(round=number, program=name, beside=beside, seal="s")]]
            case Screen(program):
                concerns = draw.choice([(), (REWARDS_NOT_FINISHING,)])
                return [[screened(program, draw.choice(_VERDICTS), 0.5, *concerns)]]
            case Audit(program):
                return [[audited(program, draw.choice(["passed", "refused"]))]]
            case Derive(whole, kept):
                part = f"{whole}.{'.'.join(kept)}"
                return [[derived(whole, kept, draw.choice([part, part, None]))]]
        raise AssertionError(order)

    def _checked(self, slot: Slot, draw: random.Random) -> Checked:
        outcome = draw.choice(_OUTCOMES)
        if outcome != "code":
            return checked(slot, None, outcome=outcome)
        functions = draw.sample(ENTRY_POINTS, draw.randint(1, len(ENTRY_POINTS)))
        name = draw.choice(["", "", "!"]) + f"p{draw.randrange(20)}"  # some programs are equal
        return checked(slot, name, *functions)

    def _trained(self, program: str, seed: int, rung: Rung) -> Trained:
        draw = random.Random(f"{self._seed} {program} {seed}")
        status = draw.choice(["finished"] * 8 + ["program_failed", "failed"])
        fitness = draw.random() if status == "finished" else None
        return trained(program, seed, fitness, status, rung)
