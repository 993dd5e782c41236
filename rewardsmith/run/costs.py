"""What a run took, as a record for JSON."""

from __future__ import annotations

from dataclasses import dataclass

from rewardsmith.run.state import RunState


@dataclass(frozen=True)
class Spent:
    """What a run took; ``usd`` is None where a price is unknown."""

    requests: int
    tokens: int
    usd: float | None
    steps: int
    active_s: float


def spent_in(state: RunState) -> Spent:
    """What all sessions of a run took."""
    usd = None if state.unpriced else state.usd
    return Spent(state.requests, state.tokens, usd, state.steps, state.active_s)
