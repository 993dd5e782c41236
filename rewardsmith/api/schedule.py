"""How long a run would take on other numbers of cores, from what it recorded.

A run is a sequence of waves: requests, then trainings side by side. Its log holds the duration of
each training, the latency of each request and the time of each wave. What a wave took beyond its
requests and trainings (checks, screening, export) is the part of the driver, which no further core
makes shorter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rewardsmith.engine.workers.machine import available_cores
from rewardsmith.errors import UsageError
from rewardsmith.maths.scheduling import makespan
from rewardsmith.run.event import Event
from rewardsmith.run.events import Admitted, Replied, Trained, Worked
from rewardsmith.run.folder import RunFolder


@dataclass(frozen=True)
class Schedule:
    """What a run would take on some cores.

    Attributes:
        cores: trainings of one core that run side by side.
        total_s: seconds of the whole run.
        training_s, waiting_s, driver_s: of these, in trainings, for replies, and for the rest.
        busy: share of the cores' time in which they train, in [0, 1].
    """

    cores: int
    total_s: float
    training_s: float
    waiting_s: float
    driver_s: float
    busy: float


@dataclass
class _Wave:
    trainings: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    worked_s: float = 0.0


def schedules(
    run: RunFolder, cores: Sequence[int], measured_with: int | None = None
) -> list[Schedule]:
    """What the work of a run would take on other numbers of cores.

    Args:
        cores: numbers of cores to simulate, each from 1.
        measured_with: cores that the run had; by default those of this machine.

    Raises:
        UsageError: the run has no finished training, or a number is less than 1.

    Example:
        for one in schedules(rs.load_run("last").folder, [16, 64, 1000]):
            print(one.cores, one.total_s)
    """
    if any(count < 1 for count in cores):
        raise UsageError(f"expected at least 1 core, found {min(cores)}", "e.g. --cores 16")
    waves = _waves(run.events())
    if not any(wave.trainings for wave in waves):
        raise UsageError(f"{run.name} has no finished training", "let it train first")
    had = measured_with or available_cores()
    driver_s = sum(
        max(0.0, wave.worked_s - makespan(wave.trainings, had) - max(wave.latencies, default=0.0))
        for wave in waves
    )
    waiting_s = sum(max(wave.latencies, default=0.0) for wave in waves)
    return [_schedule(waves, count, waiting_s, driver_s) for count in cores]


def _schedule(waves: Sequence[_Wave], cores: int, waiting_s: float, driver_s: float) -> Schedule:
    training_s = sum(makespan(wave.trainings, cores) for wave in waves)
    total_s = training_s + waiting_s + driver_s
    work_s = sum(sum(wave.trainings) for wave in waves)
    busy = work_s / (cores * total_s) if total_s else 0.0
    return Schedule(cores, total_s, training_s, waiting_s, driver_s, busy)


def _waves(events: Iterable[Event]) -> list[_Wave]:
    """The waves of a run; what came before the first one belongs to the driver."""
    waves = [_Wave()]
    for event in events:
        if isinstance(event, Admitted):
            waves.append(_Wave())
        elif isinstance(event, Trained):
            waves[-1].trainings.append(event.trial.wall_s)
        elif isinstance(event, Replied):
            waves[-1].latencies.append(event.latency_s)
        elif isinstance(event, Worked):
            waves[-1].worked_s += event.wall_s
    return waves
