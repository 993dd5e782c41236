"""How fast a run goes, and about how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rewardsmith.run.config import RunConfig
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import TrialProgress
from rewardsmith.strategy.base import accepted_programs

_TRAINING_SHARE = 0.85  # of a trial's time; the rest is measuring


class Pace:
    """Updated about twice a second; counts this session only, but for ``steps``."""

    def __init__(self) -> None:
        self.config: RunConfig | None = None
        self.steps = 0
        self._begun = self._last = time.monotonic()
        self._training_s = 0.0
        self._before: tuple[int, int] | None = None  # trials and steps of earlier sessions

    @property
    def elapsed_s(self) -> float:
        """Since this session began."""
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
        """Take in where the run is."""
        now = time.monotonic()
        if running:
            self._before = self._before or (len(state.trials), state.steps)
            self._training_s += now - self._last
        self._last = now
        self.steps = state.steps + sum(trial.steps for trial in running)

    def left_s(self, state: RunState, running: Sequence[TrialProgress]) -> float | None:
        """About how long the trainings still take that are to come; None until one of them got somewhere."""
        partly = _TRAINING_SHARE * sum(min(1.0, trial.steps / trial.total) for trial in running)
        done = len(state.trials) - self._before[0] + partly if self._before else 0.0
        if done < 0.2 or self._training_s < 2.0:
            return None
        return max(0.0, self._owed(state, running) - partly) * self._training_s / done

    def _owed(self, state: RunState, running: Sequence[TrialProgress]) -> int:
        """Trainings that are running or to come, as if everything that is still to be written were valid."""
        if self.config is None:
            return len(running)
        shape = [self.config.options.get(name) for name in ("rounds", "samples", "seeds")]
        if None in shape:
            return len(running)
        rounds, samples, seeds = map(int, shape)  # type: ignore[arg-type]
        report = 2 * self.config.report_seeds - sum(rung == "report" for _, _, rung in state.trials)
        if state.stopped is not None:
            return report
        begun = {trial.program for trial in running} | {program for program, _, _ in state.trials}
        written = [accepted_programs(state, number) for number in range(rounds)]
        search = seeds * sum(
            len(programs) if begun & set(programs) else samples for programs in written
        )
        return report + search - sum(rung == "selection" for _, _, rung in state.trials)
