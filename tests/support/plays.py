"""Whole runs of a strategy on hand-made events; nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rewardsmith.run.events import Checked, Event, Replied, Screened, Trained, fold
from rewardsmith.run.orders import Order, Screen, Stop, Train, Turn, Write
from rewardsmith.run.state import ScreenState, ScreenVerdict, TrialState
from rewardsmith.strategy.base import Strategy
from rewardsmith.types import Slot

Verdicts = dict[tuple[int, ...], str | None]  # slot -> program; "!x" is refused, None held no code
Scores = dict[str, float | None]  # None: the program breaks in training


def replied(slot: Slot) -> Replied:
    return Replied(slot=slot, request=f"r{slot.round}.{slot.attempt}", occurrence=slot.sample)


def checked(slot: Slot, program: str | None, *functions: str) -> Checked:
    accepted = program is not None and not program.startswith("!")
    return Checked(
        slot=slot,
        program=program,
        accepted=accepted,
        outcome="code" if program is not None else "no_code",
        findings=() if accepted else (f"RS000 error: {program} at {slot}",),
        functions=functions or ("reward",),
    )


def trained(program: str, seed: int, fitness: float | None, status: Any = None) -> Trained:
    """A trial; it solves every episode where its fitness is 1 or more."""
    trial = TrialState(
        program=program,
        seed=seed,
        rung="selection",
        status=status or ("finished" if fitness is not None else "program_failed"),
        fitness=fitness,
        success_rate=None if fitness is None else float(fitness >= 1.0),
        steps=10,
    )
    return Trained(trial=trial)


def retrained(event: Event, **changes: Any) -> Event:
    """The same trial with another outcome."""
    assert isinstance(event, Trained)
    return Trained(trial=event.trial.model_copy(update=changes))


def screened(
    program: str, verdict: ScreenVerdict = "passed", share: float | None = 1.0, *concerns: str
) -> Screened:
    screen = ScreenState(program=program, verdict=verdict, share=share, concerns=concerns)
    return Screened(screen=screen)


def carry_out(
    order: Order, verdicts: Verdicts, scores: Scores, suspects: frozenset[str] = frozenset()
) -> list[list[Event]]:
    """The events of an order, as chains.

    Args:
        suspects: programs that the audit finds to pay more for going on than for arriving.
    """
    if isinstance(order, Screen):
        return [
            [
                screened(
                    order.program, "passed", 1.0, *(["RS503"] if order.program in suspects else [])
                )
            ]
        ]
    if isinstance(order, Write):
        program = verdicts.get(tuple(order.slot), verdicts.get(tuple(order.slot[:2])))
        return [[replied(order.slot), checked(order.slot, program)]]
    assert isinstance(order, Train)
    return [
        [trained(order.program, seed, _score(scores, order.program, seed))] for seed in order.seeds
    ]


def _score(scores: Scores, program: str, seed: int) -> float | None:
    score = scores.get(program)
    return None if score is None else score + 0.01 * seed


def play(
    strategy: Strategy,
    verdicts: Verdicts,
    scores: Scores,
    shuffle: Callable[[list[Any]], None] = lambda _: None,
    suspects: frozenset[str] = frozenset(),
) -> tuple[list[Event], list[list[Order]]]:
    """A whole run: its events and its waves of orders."""
    events, waves = list[Event](), list[list[Order]]()
    for _ in range(100):
        orders = list(strategy.plan(fold(events)))
        waves.append(orders)
        if isinstance(orders[0], Stop):
            return events, waves
        chains = [
            chain for order in orders for chain in carry_out(order, verdicts, scores, suspects)
        ]
        while chains:
            shuffle(chains)
            events.append(chains[0].pop(0))
            chains = [chain for chain in chains if chain]
    raise AssertionError("it does not stop")


def writes(orders: Sequence[Order]) -> dict[tuple[int, ...], tuple[Turn, ...]]:
    assert all(isinstance(order, Write) for order in orders)
    return {tuple(order.slot): order.turns for order in orders if isinstance(order, Write)}


def trains(orders: Sequence[Order]) -> dict[str, tuple[int, ...]]:
    assert all(isinstance(order, Train) for order in orders)
    return {order.program: order.seeds for order in orders if isinstance(order, Train)}
