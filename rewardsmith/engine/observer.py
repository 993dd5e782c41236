"""What a person sees while a run goes on; the engine tells, and never waits for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rewardsmith.events import Event
from rewardsmith.state import RunState
from rewardsmith.store import RunFolder


class TrialProgress(NamedTuple):
    """A trial that is running: how far, and the last fitness seen in training."""

    program: str
    seed: int
    rung: str
    steps: int
    total: int
    fitness: float | None


class Observer:
    """Sees everything, shows nothing; the base of the live table and of plain lines."""

    def begun(self, run: RunFolder) -> None:
        """The run's folder is made, or opened again, and locked."""

    def event(self, event: Event, state: RunState) -> None:
        """Something happened; ``state`` is after it."""

    def doing(self, what: str) -> None:
        """What the engine is about to wait for."""

    def progress(self, trials: Sequence[TrialProgress]) -> None:
        """Where the running trials are; called about twice a second."""
