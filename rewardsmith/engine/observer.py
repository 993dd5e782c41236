"""Notifies the user while a run goes on; the engine never waits for an answer."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.run.event import Event
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import TrialProgress


class Observer:
    """Sees everything, shows nothing; the base of the live table and of plain lines.

    Example:
        class Printer(rs.Observer):
            def event(self, event, state):
                print(event.kind, state.steps)

        rs.design("mountain-car", observer=Printer())
    """

    def begun(self, run: RunFolder) -> None:
        """The run's folder is made, or opened again, and locked."""

    def event(self, event: Event, state: RunState) -> None:
        """Something happened; ``state`` is after it."""

    def doing(self, what: str) -> None:
        """What the engine is about to wait for."""

    def progress(self, trials: Sequence[TrialProgress]) -> None:
        """Where the running trials are; called about twice a second."""
