"""How long jobs take side by side."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def makespan(durations: Sequence[float], workers: int) -> float:
    """The time until all jobs are done, if each free worker takes the next one.

    It is at most (2 - 1 / workers) times that of the best order (Graham 1966,
    doi 10.1002/j.1538-7305.1966.tb01709.x).

    Args:
        durations: seconds of each job, in the order in which they are started.
        workers: number of jobs that run side by side, from 1.

    Example:
        >>> makespan([3.0, 1.0, 2.0], workers=2)
        3.0
    """
    free = [0.0] * workers  # when each worker is free
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)
