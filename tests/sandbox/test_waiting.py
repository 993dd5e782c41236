"""The time limit of a process is CPU time, whatever the load of the machine."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from rewardsmith.sandbox.behaviour.signals import slow
from rewardsmith.sandbox.behaviour.styles import us_per_transition
from rewardsmith.sandbox.client import waiting
from rewardsmith.sandbox.client.waiting import LOOK_S, Waiting
from tests.support.escapes import on_linux
from tests.support.hosts import PATIENCE_S, columns, hosted

CPU_S, WALL_S = 2.0, 60.0


def looks(monkeypatch: pytest.MonkeyPatch, states: str, cpu_per_look: float | None) -> list[str]:
    """The result of waiting for a process that is in these states in turn, until the end."""
    seen = [0]

    def state_of(_: int) -> str:
        seen[0] += 1
        return states[seen[0] % len(states)]

    def cpu_s(_: int) -> float | None:
        return None if cpu_per_look is None else cpu_per_look * seen[0]

    monkeypatch.setattr(waiting, "state_of", state_of)
    monkeypatch.setattr(waiting, "cpu_s", cpu_s)
    wait = Waiting(1, CPU_S, WALL_S)
    while (late := wait.look()) is None:
        assert seen[0] <= WALL_S / LOOK_S
    return [late.reason, f"{seen[0] * LOOK_S:.0f} s"]


@pytest.mark.parametrize(
    ("states", "cpu_per_look", "expected"),
    [
        ("R", LOOK_S, ["cpu", "2 s"]),
        ("R", LOOK_S / 5, ["cpu", "10 s"]),
        ("R", LOOK_S / 100, ["starved", "60 s"]),
        ("R", 0.0, ["starved", "60 s"]),
        ("D", 0.0, ["starved", "60 s"]),
        ("S", 0.0, ["asleep", "2 s"]),
        ("SSSR", 0.0001, ["asleep", "60 s"]),
        ("T", 0.0, ["stopped", "2 s"]),
        ("RT", 0.0001, ["starved", "60 s"]),
        ("R", None, ["starved", "60 s"]),
    ],
)
def test_why_a_wait_ends(
    states: str, cpu_per_look: float | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looks(monkeypatch, states, cpu_per_look) == expected


def test_a_long_wait_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        looks(monkeypatch, "R", LOOK_S / 100)
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == (
        "the machine is busy: a sandbox process has used 0.0 s of CPU time in 5 s; "
        "waiting up to 60 s"
    )
    assert ["in 5 s" in messages[0], "in 10 s" in messages[1], len(messages)] == [True, True, 4]


@contextmanager
def slowed(pid: int) -> Iterator[None]:
    """A process that gets a small share of its time, as on a busy machine."""
    over = threading.Event()

    def slow_down() -> None:
        while not over.wait(0.02):
            os.kill(pid, signal.SIGSTOP)
            over.wait(0.06)
            os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=slow_down)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE_S)


@on_linux
def test_a_host_that_gets_a_small_share_of_a_core_answers_late_and_is_not_blamed() -> None:
    compute = (
        "clock = IMPORT('time').process_time\n    until = clock() + 0.25\n"
        "    while clock() < until: pass\n    return position"
    )
    with hosted(compute) as host:
        host(columns(2))
        with slowed(host.pid):
            np.testing.assert_array_equal(host(columns(2)).total, columns(2)["position"])


@on_linux
def test_the_speed_of_a_program_is_its_cpu_time() -> None:
    with hosted("IMPORT('time').sleep(0.02)\n    return position", capacity=256) as host:
        us = us_per_transition(host, {"position": columns(10)["position"]}, "batched")
    assert us > 0 and slow(us) is None
    busy = "clock = IMPORT('time').process_time\n    until = clock() + 0.02\n"
    busy += "    while clock() < until: pass\n    return position"
    with hosted(busy, capacity=256) as host:
        us = us_per_transition(host, {"position": columns(10)["position"]}, "batched")
    assert us >= 1e6 * 0.02 / 256 and slow(us) is not None
