"""The time that a first look at an environment may take: simulators can be slow."""

from __future__ import annotations

import time
from collections.abc import Callable

Tell = Callable[[str], None]
_TELL_EVERY_S = 5.0


def silent(text: str) -> None:
    """Tell nothing."""


class TimeBox:
    """Counts steps of an environment, and says when they have taken long enough.

    Args:
        doing: what is done, for messages.
        limit_s: the time that it may take.
        tell: is called every few seconds with how far it is.
        clock: the time in seconds.
    """

    def __init__(
        self,
        doing: str,
        limit_s: float,
        tell: Tell = silent,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.steps = 0
        self.tell = tell
        self._doing, self._limit_s, self._clock = doing, limit_s, clock
        self._begun = self._told = clock()

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return self._clock() - self._begun

    @property
    def is_over(self) -> bool:
        """Whether it has taken as long as it may."""
        return self.seconds >= self._limit_s

    def step(self) -> None:
        """Count a step, and report every few seconds."""
        self.steps += 1
        if self._clock() - self._told >= _TELL_EVERY_S:
            self._told = self._clock()
            self.tell(f"{self._doing}: {self.steps} steps in {self.seconds:.0f} s")

    def measured(self, training_steps: int) -> str:
        """How slow the environment is, and what that means for a training."""
        step_s = self.seconds / max(1, self.steps)
        hours = step_s * training_steps / 3600
        return (
            f"the environment takes {step_s:.2g} s per step, so a training of {training_steps} "
            f"steps takes {hours:.2g} hours; {self._doing} ended after {self.steps} steps and "
            f"{self.seconds:.0f} s"
        )
