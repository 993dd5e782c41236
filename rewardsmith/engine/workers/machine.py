"""Resources of this machine: all of them, and those that are free."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from rewardsmith.engine.workers.executor import Resources
from rewardsmith.errors import UsageError


@dataclass(frozen=True)
class Share:
    """Resources of a running call.

    Attributes:
        gpus: names of its GPUs; None when they are not assigned.
    """

    needs: Resources
    gpus: tuple[str, ...] | None


@dataclass
class Machine:
    """Cores, GPUs and memory that calls share.

    Attributes:
        cores: calls of one core that may run side by side.
        gpus: GPU -> the part of it that is free.
        memory_mb: main memory that is free; it is counted only for calls that name their need.
    """

    cores: float
    gpus: dict[str, float] = field(default_factory=dict)
    memory_mb: float = math.inf

    @classmethod
    def here(cls, workers: int | None) -> Machine:
        """This machine, with one core per worker; with None all cores."""
        gpus = dict.fromkeys(visible_gpus(), 1.0)
        return cls(workers or available_cores(), gpus, total_memory_mb())

    def require(self, needs: Resources) -> None:
        """Refuse a call that can never run here.

        Raises:
            UsageError: it needs more than there is.
        """
        if needs.cores > self.cores:
            raise UsageError(
                f"a training needs {needs.cores:g} cores, and {self.cores:g} may be used",
                "give more workers, or fewer cores to a training",
            )
        if self._gpus_for(needs) is None:
            raise UsageError(
                f"a training needs {needs.gpus or 0:g} GPUs, and this machine has {len(self.gpus)}",
                "ask for a smaller share, e.g. --gpus 0.25, or for none: --gpus 0",
            )
        if needs.memory_mb > self.memory_mb:
            raise UsageError(
                f"a training needs {needs.memory_mb:,} MB of memory, and this machine has "
                f"{self.memory_mb:,.0f} MB",
                "ask for less memory",
            )

    def take(self, needs: Resources) -> Share | None:
        """Take the resources of a call; None while they are not free."""
        gpus = self._gpus_for(needs)
        if needs.cores > self.cores or gpus is None or needs.memory_mb > self.memory_mb:
            return None
        share = Share(needs, None if needs.gpus is None else gpus)
        self._change(share, -1.0)
        return share

    def give_back(self, share: Share) -> None:
        """Free the resources of a call."""
        self._change(share, 1.0)

    def _change(self, share: Share, sign: float) -> None:
        self.cores += sign * share.needs.cores
        self.memory_mb += sign * share.needs.memory_mb
        for name in share.gpus or ():
            part = (share.needs.gpus or 0.0) / len(share.gpus or ())
            self.gpus[name] = round(self.gpus[name] + sign * part, 6)

    def _gpus_for(self, needs: Resources) -> tuple[str, ...] | None:
        """GPUs of a call: a share of the one with most room, or whole ones; None if none fit."""
        if not needs.gpus:
            return ()
        count = math.ceil(needs.gpus)
        fitting = [name for name, free in self.gpus.items() if free >= needs.gpus / count]
        fitting.sort(key=lambda name: -self.gpus[name])
        return tuple(fitting[:count]) if len(fitting) >= count else None


def available_cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """NVIDIA GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    devices = Path("/dev").glob("nvidia[0-9]*")
    return sorted((path.name.removeprefix("nvidia") for path in devices), key=int)


def total_memory_mb() -> float:
    """Main memory of this machine in MB; infinite where it cannot be known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    except (AttributeError, ValueError, OSError):
        return math.inf
