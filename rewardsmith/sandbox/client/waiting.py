"""Waits for a process by the CPU time that it uses, up to a generous bound of real time.

A busy machine gives a process only a share of a core. Real time then says nothing about the
process: an innocent program would run out of it, and a test of the sandbox would fail. So a process
may use its CPU time, however long that takes. Three things still end the wait early: the process
sleeps, it was stopped, or it is gone (then its socket closes).
"""

from __future__ import annotations

import logging
import socket
import sys
import time
from pathlib import Path
from typing import Literal, NamedTuple

logger = logging.getLogger(__name__)

LOOK_S = 0.1  # receive timeout of the sockets; after each timeout the process is examined
_FIRST_NOTICE_S = 5.0
_IDLE = ("S", "T", "t")  # states in which a process wants no core
_EXITING = 0x4  # PF_EXITING, include/linux/sched.h
_FLAGS = 6  # place of the flags in /proc/<pid>/stat, counted from the state

Reason = Literal["cpu", "asleep", "stopped", "starved"]


class Late(Exception):
    """A process gave no answer in its time.

    Attributes:
        reason: it used its CPU time, slept, was stopped, or got too little CPU time until the bound
            of real time.
        detail: CPU time and real time, in words.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class _Sight(NamedTuple):
    """What the kernel says about a process: its state, and the CPU time that it has used."""

    state: str
    cpu_s: float | None


class Waiting:
    """One wait for one process.

    Real time is counted in receives that timed out, :data:`LOOK_S` each. Time in which this
    process itself was suspended, or got no core, does not count.

    Args:
        pid: the process.
        cpu_s: CPU seconds that it may use; also the seconds that it may sleep or be stopped.
        wall_s: real seconds that it may take.
    """

    def __init__(self, pid: int, cpu_s: float, wall_s: float) -> None:
        self._pid, self._cpu_s, self._wall_s = pid, cpu_s, wall_s
        self._looks = self._idle = self._asleep = 0
        self._begun_cpu_s: float | None = None  # at the first look
        self._last: _Sight | None = None
        self._notice_s = max(_FIRST_NOTICE_S, cpu_s)

    def receive(self, control: socket.socket, size: int) -> bytes:
        """Receive up to ``size`` bytes; empty when the other end is closed.

        Args:
            control: a socket whose receive timeout is :data:`LOOK_S`.

        Raises:
            Late: nothing came in time.
        """
        while True:
            try:
                return control.recv(size)
            except BlockingIOError:
                late = self.look()
            if late is not None:
                try:  # what came while the process was examined
                    return control.recv(size, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    raise late from None

    def look(self) -> Late | None:
        """Examine the process after a receive that timed out; None means: wait on."""
        seen = _Sight(state_of(self._pid), cpu_s(self._pid))
        self._looks += 1
        self._asleep += seen.state == "S"
        self._idle = self._idle + 1 if seen == self._last and seen.state in _IDLE else 0
        self._last = seen
        if self._begun_cpu_s is None:
            self._begun_cpu_s = seen.cpu_s
        reason = self._reason(seen)
        if reason is not None:
            return Late(reason, self._detail(seen))
        if self._looks * LOOK_S >= self._notice_s:
            self._notice_s *= 2
            logger.warning(
                "the machine is busy: a sandbox process has used %s; waiting up to %g s",
                self._detail(seen),
                self._wall_s,
            )
        return None

    def _reason(self, seen: _Sight) -> Reason | None:
        used = self._used(seen)
        if used is not None and used >= self._cpu_s:
            return "cpu"
        if self._idle * LOOK_S >= self._cpu_s:
            return "asleep" if seen.state == "S" else "stopped"
        if self._looks * LOOK_S >= self._wall_s:
            return "asleep" if 2 * self._asleep > self._looks else "starved"
        return None

    def _used(self, seen: _Sight) -> float | None:
        if seen.cpu_s is None or self._begun_cpu_s is None:
            return None
        return seen.cpu_s - self._begun_cpu_s

    def _detail(self, seen: _Sight) -> str:
        used = self._used(seen)
        share = "an unknown CPU time" if used is None else f"{used:.1f} s of CPU time"
        return f"{share} in {self._looks * LOOK_S:.0f} s"


def cpu_s(pid: int) -> float | None:
    """CPU seconds that a process has used; None where the kernel does not say."""
    if sys.platform != "linux":
        return None
    try:
        return time.clock_gettime(~pid << 3 | 2)  # its CPU-time clock, see clock_getcpuclockid(3)
    except OSError:
        return None


def state_of(pid: int) -> str:
    """State of a process: R runnable, S asleep, T stopped, Z dead; empty where it is unknown."""
    stat = _stat(pid)
    return stat[0] if stat else ""


def is_ending(pid: int) -> bool:
    """Whether a process is ending or has ended; True where the kernel does not say."""
    stat = _stat(pid)
    return not stat or stat[0] in "ZX" or bool(int(stat[_FLAGS]) & _EXITING)


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the state on; empty if there are none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
