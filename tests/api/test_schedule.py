"""What a run would take on other numbers of cores."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.api.schedule import Schedule, schedules
from rewardsmith.errors import UsageError
from rewardsmith.run.event_log import EventLog
from rewardsmith.run.events import Admitted, Replied, Trained, Worked
from rewardsmith.run.outcomes import TrialState
from rewardsmith.types import Slot
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design
from tests.support.lineworld import write_task


def trained(seed: int, wall_s: float) -> Trained:
    trial = TrialState(program="p", seed=seed, rung="selection", status="finished", wall_s=wall_s)
    return Trained(trial=trial)


class Recorded:
    """A run folder of which only the log is read."""

    name = "recorded"

    def __init__(self, *events: object) -> None:
        self._events = events

    def events(self) -> EventLog:
        return list(self._events)  # type: ignore[return-value]


WAVES = (
    Worked(wall_s=2.0),  # the preflight
    Admitted(),
    Replied(slot=Slot(0, 0), request="a", occurrence=0, latency_s=3.0),
    Replied(slot=Slot(0, 1), request="a", occurrence=1, latency_s=5.0),
    Worked(wall_s=6.0),
    Admitted(),
    *(trained(seed, 10.0) for seed in range(4)),
    Worked(wall_s=21.0),
)


def test_trainings_get_shorter_with_cores_and_the_rest_does_not() -> None:
    run = Recorded(*WAVES)
    one, two, many = schedules(run, [1, 2, 1000], measured_with=2)  # type: ignore[arg-type]
    assert two == Schedule(
        2, total_s=29.0, training_s=20.0, waiting_s=5.0, driver_s=4.0, busy=40 / 58
    )
    assert (one.training_s, many.training_s) == (40.0, 10.0)
    assert {s.driver_s for s in (one, two, many)} == {4.0}
    assert many.busy < 0.01


def test_with_the_cores_that_it_had_the_time_is_that_of_the_run() -> None:
    (found,) = schedules(Recorded(*WAVES), [2], measured_with=2)  # type: ignore[arg-type]
    assert found.total_s == sum(event.wall_s for event in WAVES if isinstance(event, Worked))


def test_a_run_without_trainings_is_refused() -> None:
    with pytest.raises(UsageError, match="no finished training"):
        schedules(Recorded(Admitted()), [2])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 1 core"):
        schedules(Recorded(*WAVES), [0])  # type: ignore[arg-type]


def test_a_real_log_is_read(tmp_path: Path) -> None:
    run = design(str(write_task(tmp_path / "line")), tmp_path, executor=FakeExecutor())
    (found,) = schedules(run.folder, [4])
    assert found.total_s >= found.driver_s > 0
