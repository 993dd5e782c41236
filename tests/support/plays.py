"""Simulated runs with given programs and scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rewardsmith.run.event import Event
from rewardsmith.run.events import SimilarityMeasured, Trained
from rewardsmith.run.orders import MeasureSimilarity, Order, Screen, Train, Turn, Write
from rewardsmith.strategy.base import Strategy
from rewardsmith.testing import simulation
from rewardsmith.testing.simulation import checked, replied, screened, trained

Verdicts = dict[tuple[int, ...], str | None]  # slot -> program; "!x" is refused, None held no code
Scores = dict[str, float | None]  # None: the program breaks in training


def retrained(event: Event, **changes: Any) -> Event:
    """The same trial with another outcome."""
    assert isinstance(event, Trained)
    return Trained(trial=event.trial.model_copy(update=changes))


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
        return [[replied(order.slot, order.parents), checked(order.slot, program)]]
    if isinstance(order, MeasureSimilarity):
        return [[SimilarityMeasured(program=order.program, similarity={})]]
    assert isinstance(order, Train)
    return [
        [trained(order.program, seed, _score(scores, order.program, seed), rung=order.rung)]
        for seed in order.seeds
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
    return simulation.play(
        strategy, lambda order: carry_out(order, verdicts, scores, suspects), shuffle
    )


def writes(orders: Sequence[Order]) -> dict[tuple[int, ...], tuple[Turn, ...]]:
    assert all(isinstance(order, Write) for order in orders)
    return {tuple(order.slot): order.turns for order in orders if isinstance(order, Write)}


def trains(orders: Sequence[Order]) -> dict[str, tuple[int, ...]]:
    assert all(isinstance(order, Train) for order in orders)
    return {order.program: order.seeds for order in orders if isinstance(order, Train)}
