"""The speed of a run, and an estimate of the time that is left."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rewardsmith.engine.deciding import deciding_trainings_made
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import TrialProgress
from rewardsmith.strategy.base import Shape, accepted_programs

_TRAINING_SHARE = 0.85  # of the time of a trial; the rest is evaluation


class Pace:
    """Updated about twice a second; counts this session only, except for ``steps``.

    Attributes:
        shape: the size of the search; None while it is unknown.
        report_trials: trainings of the final comparison.
    """

    def __init__(self) -> None:
        self.shape: Shape | None = None
        self.report_trials = 0
        self.steps = 0
        self._begun = self._last = time.monotonic()
        self._training_s = 0.0
        self._before: tuple[int, int] | None = None  # trials and steps of earlier sessions

    @property
    def elapsed_s(self) -> float:
        """Seconds since this session began."""
        return time.monotonic() - self._begun

    @property
    def steps_per_s(self) -> float | None:
        """Environment steps per second of training; None until it is known."""
        return (
            (self.steps - self._before[1]) / self._training_s
            if self._before and self._training_s > 1.0
            else None
        )

    def update(self, state: RunState, running: Sequence[TrialProgress]) -> None:
        """Update the counts from the state of the run."""
        now = time.monotonic()
        if running:
            self._before = self._before or (len(state.trials), state.steps)
            self._training_s += now - self._last
        self._last = now
        self.steps = state.steps + sum(trial.steps for trial in running)

    def left_s(self, state: RunState, running: Sequence[TrialProgress]) -> float | None:
        """Estimated seconds until the last training ends; None before there is a measurement."""
        partly = _TRAINING_SHARE * sum(min(1.0, trial.steps / trial.total) for trial in running)
        done = len(state.trials) - self._before[0] + partly if self._before else 0.0
        if done < 0.2 or self._training_s < 2.0:
            return None
        return max(0.0, self._owed(state, running) - partly) * self._training_s / done

    def _owed(self, state: RunState, running: Sequence[TrialProgress]) -> int:
        """Number of running and future trainings, if every future program is valid."""
        if self.shape is None:
            return len(running)
        reported = sum(rung == "report" for _, _, rung in state.trials)
        report = max(0, self.report_trials - reported)
        if state.stopped is not None:
            return report
        begun = {program for program, _, _ in state.trials}
        begun.update(trial.program for trial in running)
        written = [accepted_programs(state, number) for number in range(self.shape.rounds)]
        search = self.shape.seeds * sum(
            len(programs) if begun & set(programs) else self.shape.samples for programs in written
        )
        made = sum(rung == "selection" for _, _, rung in state.trials)
        return report + search - (made - deciding_trainings_made(state))
