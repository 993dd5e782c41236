"""Program hosts for tests: start them, call them, find their processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.program import EntryPoint
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.client.launch import Zygote
from rewardsmith.sandbox.limits import Limits

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
ESCAPE = "IMPORT = np.linalg.norm.__wrapped__.__globals__['__builtins__']['__import__']"
QUICK = Limits(call_s=0.4, load_s=0.8, memory_mb=1024)
PATIENCE_S = 300.0  # for what must happen in the end; a busy machine takes its time
FLOAT = np.dtype(np.float64)
SHAPES = {
    "position": ((), FLOAT),
    "goal": ((2,), FLOAT),
    "action": ((), np.dtype(np.int64)),
    "terminated": ((), np.dtype(bool)),
}


@contextmanager
def hosted(
    body: str, arguments: str = "position", *, entry: str = "reward", **options: Any
) -> Iterator[ProgramHost]:
    names = tuple(arguments.split(", ")) if arguments else ()
    source = (
        f"import numpy as np\nimport math\ndef {entry}({arguments}):\n    {ESCAPE}\n    {body}\n"
    )
    options = {"capacity": 64, "limits": QUICK, **options}
    with ProgramHost(source, EntryPoint(entry, names, entry), SHAPES, **options) as host:
        yield host


def columns(n: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "position": rng.normal(size=n),
        "goal": rng.normal(size=(n, 2)),
        "action": rng.integers(0, 3, n),
        "terminated": rng.random(n) < 0.5,
    }


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def cpu_s_of_ended_hosts(zygote: Zygote) -> float:
    """CPU seconds that the hosts of a zygote had used when they ended."""
    fields = Path(f"/proc/{zygote.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[13:15]) / os.sysconf("SC_CLK_TCK")


def hosts_of(*zygotes: Zygote) -> list[str]:
    """Process ids of the hosts that zygotes have at present."""
    tasks = [Path(f"/proc/{zygote.pid}/task") for zygote in zygotes]
    children = [file.read_text() for task in tasks for file in task.glob("*/children")]
    return " ".join(children).split()


def until(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    """Wait for a condition; returns whether it became true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


# What the static rules refuse and a determined program might still find: hosts are tested without
# them.
