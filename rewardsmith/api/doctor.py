"""Attack the sandbox of this machine, and measure its speed."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np

from rewardsmith.program import EntryPoint
from rewardsmith.run.config import RunConfig
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.report import SandboxReport, attacks_by_layer, sandbox_report

_TIMES = 20
_SOURCE = "def reward(x):\n    return {'x': -abs(x)}\n"


@dataclass(frozen=True)
class Diagnosis:
    """How well and how fast generated code is confined on this machine.

    Attributes:
        sandbox: the level, and the attacks that worked.
        refused: layer -> attacks that this layer alone refuses; also ``none`` and ``all``.
        host_start_ms: time to start a program host, milliseconds (median).
        call_us: time of a call with 16 transitions, microseconds (median).
    """

    sandbox: SandboxReport
    refused: dict[str, tuple[str, ...]]
    host_start_ms: float
    call_us: float


def strong_enough(config: RunConfig) -> SandboxReport:
    """The confinement of programs on this machine.

    Raises:
        BoundaryError: it is not strong, and a weak one was not allowed.
    """
    report = sandbox_report()
    report.require(weak_allowed=config.allow_weak_sandbox)
    return report


def doctor() -> Diagnosis:
    """Attack the sandbox of this machine, layer by layer, and measure program hosts.

    Raises:
        BoundaryError: no process can be started here.

    Example:
        rs.doctor().sandbox.level  # strong, medium or weak
    """
    report = sandbox_report()
    return Diagnosis(report, attacks_by_layer(report.layers), *_times())


def _times() -> tuple[float, float]:
    """Medians: milliseconds to start a program host, microseconds of a call."""
    entry = EntryPoint("reward", ("x",), "reward")
    columns = {"x": np.zeros(16)}
    starts, calls = [], []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        with ProgramHost(_SOURCE, entry, {"x": ((), np.dtype(float))}, capacity=16) as host:
            starts.append(time.perf_counter() - begun)
            for _ in range(_TIMES):
                begun = time.perf_counter()
                host(columns)
                calls.append(time.perf_counter() - begun)
    return statistics.median(starts) * 1e3, statistics.median(calls) * 1e6
