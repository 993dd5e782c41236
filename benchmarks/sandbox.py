"""The time that checking a program takes.

    python benchmarks/sandbox.py [-o FILE]

Claims: the full verdict of a good program takes at most 60 ms (median, zygotes warm: reading it,
two confined processes, 256 transitions and the changed copies of them), the first one under a
second, one call of a program host for 16 transitions at most 60 us. Times are medians with the 5 %
and 95 % quantiles; the machine is not quiet.

``yardstick``, which compares machines, counts to a hundred thousand in plain Python.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rewardsmith.program import EntryPoint
from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.report import sandbox_report
from rewardsmith.sandbox.static.entry_points import check_static

GOOD = """import numpy as np

GOAL = 0.45


def distance(position):
    return np.abs(GOAL - position)


def reward(position, next_position, next_velocity, action):
    progress = distance(position) - distance(next_position)
    return {
        "progress": 10.0 * progress,
        "speed": 2.0 * np.tanh(20.0 * np.abs(next_velocity)),
        "goal": np.where(next_position >= GOAL, 100.0, 0.0),
        "effort": -0.1 * np.square(action[:, 0]),
    }
"""
SHAPES: dict[str, Any] = {
    **{name: ((), np.dtype(float)) for name in ("position", "next_position", "next_velocity")},
    "action": ((1,), np.dtype(float)),
}
ENTRY = EntryPoint("reward", tuple(SHAPES), "reward")


def columns(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {name: rng.uniform(-1, 1, (n, *shape)) for name, (shape, _) in SHAPES.items()}


def timed(work: Callable[[], Any], times: int) -> dict[str, float]:
    """Median and quantiles of the wall time, milliseconds."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    low, high = np.quantile(seconds, (0.05, 0.95)) * 1e3
    return {
        "median_ms": statistics.median(seconds) * 1e3,
        "q05_ms": float(low),
        "q95_ms": float(high),
        "times": times,
    }


def yardstick() -> None:
    count = 0
    while count < 100_000:
        count += 1


def measure() -> dict[str, Any]:
    rows = columns(256)

    def verdict() -> None:
        assert check_on_transitions(GOOD, SHAPES, rows, horizon=200).accepted

    def host() -> None:
        ProgramHost(GOOD, ENTRY, SHAPES, capacity=256).close()

    begun = time.perf_counter()
    verdict()
    found: dict[str, Any] = {"first_verdict_ms": (time.perf_counter() - begun) * 1e3}
    found["yardstick"] = timed(yardstick, 50)
    found["static"] = timed(lambda: check_static(GOOD, tuple(SHAPES)), 200)
    found["verdict"] = timed(verdict, 100)
    found["host_start_and_end"] = timed(host, 100)
    with ProgramHost(GOOD, ENTRY, SHAPES, capacity=1024) as program:
        for n in (1, 16, 1024):
            some = columns(n)
            found[f"call_{n}"] = timed(lambda some=some: program(some), 3000)  # type: ignore[misc]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", type=Path, help="write JSON there")
    given = parser.parse_args()
    found = {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "load": os.getloadavg()[0],
        **measure(),
        "level": sandbox_report().level,  # after them: it would start a zygote
    }
    for name, value in found.items():
        if isinstance(value, dict):
            value = f"{value['median_ms']:.4g} ms [{value['q05_ms']:.4g}, {value['q95_ms']:.4g}]"
        print(f"{name:20} {value}")
    if given.o:
        given.o.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
