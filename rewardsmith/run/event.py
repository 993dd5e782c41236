"""The base of all events of a run."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from rewardsmith.run.state import RunState


class Event(BaseModel):
    """The base of all events.

    Attributes:
        kind: its name in the log.
        at: when it was written, ISO 8601, UTC; empty before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    at: str = ""

    def apply(self, state: RunState) -> None:
        """Apply the event to the state."""
        raise NotImplementedError
