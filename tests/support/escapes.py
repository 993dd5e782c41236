"""Programs that escaped from Python's rules, to test the confinement."""

from __future__ import annotations

import platform
import sys

import numpy as np
import pytest

from rewardsmith.program import EntryPoint
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.inside import seccomp
from rewardsmith.sandbox.limits import Limits

IS_LINUX = sys.platform == "linux" and platform.machine() in seccomp.ARCHITECTURES
on_linux = pytest.mark.skipif(not IS_LINUX, reason="confinement needs Linux on x86-64 or aarch64")
MODULES = ("os", "socket", "_thread", "ctypes", "mmap", "resource")
SOURCE = """import numpy as np
def reward(x):
    IMPORT = np.linalg.norm.__wrapped__.__globals__['__builtins__']['__import__']
    {imports}
    open = IMPORT('io').open
    {attack}
    return x
"""


def escaped(attack: str) -> ProgramHost:
    imports = "; ".join(f"{name} = IMPORT({name!r})" for name in MODULES)
    source = SOURCE.format(imports=imports, attack=attack)
    shapes = {"x": ((), np.dtype(float))}
    limits = Limits(call_s=2.0, load_s=2.0, memory_mb=1024)
    return ProgramHost(
        source, EntryPoint("reward", ("x",), "reward"), shapes, capacity=4, limits=limits
    )
