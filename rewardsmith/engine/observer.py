"""What the user sees while a run goes on; the engine never waits for an observer."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.run.events import Event
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import TrialProgress


class Observer:
    """Receives every event and shows nothing; the base of the live table and of plain lines."""

    def begun(self, run: RunFolder) -> None:
        """The folder of the run was created, or opened again, and is locked."""

    def event(self, event: Event, state: RunState) -> None:
        """An event was recorded; ``state`` is the state after it."""

    def doing(self, what: str) -> None:
        """What the engine is about to wait for."""

    def progress(self, trials: Sequence[TrialProgress]) -> None:
        """Progress of the running trials; called about twice a second."""
