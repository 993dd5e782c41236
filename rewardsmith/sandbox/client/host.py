"""The client of a program host process: applies a program to columns as if it were a function.

A call sends one small message each way and copies the columns in and the results out. Nothing that
comes back is trusted: every number is checked against the call, results are copied, names are plain
strings.

If the process hangs, dies or runs out of memory, it is ended and every later call raises the same
error, since another process would only repeat it. After an exception or an output outside the
contract the process goes on.

A failure of the machine is not blamed on the program. If the process was killed from outside, was
stopped, or got too little CPU time, a BoundaryError is raised and the next call starts another
process. A process that was forked from this one also starts its own at its first call.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import threading
import time
import weakref
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np

from rewardsmith.errors import BoundaryError, ProgramError
from rewardsmith.program import EntryPoint, Style
from rewardsmith.sandbox import wire
from rewardsmith.sandbox.client import launch, replies
from rewardsmith.sandbox.client.waiting import LOOK_S, Late, Waiting, cpu_s
from rewardsmith.sandbox.inside.attacks import Level
from rewardsmith.sandbox.inside.confine import LAYERS
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.types import Columns, FloatArray, Output, Shapes

_CLOSED = "the program host is closed"


class ProgramHost:
    """A program in its own process; a :class:`rewardsmith.types.Evaluator`.

    Args:
        source: the module.
        entry: which function to call, and its arguments.
        shapes: at least of the arguments that it reads.
        capacity: transitions per call of the process; larger batches are split.
        style: whether the function is called for a batch or for one transition at a time.
        limits: what it may use.
        zygote: which zygote forks its process; the first of this process by default.

    Attributes:
        pid: the id of its process.
        zygote: the zygote that forked its process.

    Raises:
        ProgramError: the module failed when it was run.
        BoundaryError: no process could be started.
    """

    def __init__(
        self,
        source: str,
        entry: EntryPoint,
        shapes: Shapes,
        *,
        capacity: int,
        style: Style = "batched",
        limits: Limits = DEFAULT_LIMITS,
        zygote: launch.Zygote | None = None,
    ) -> None:
        self.entry = entry
        self.style = style
        self.capacity = capacity
        self._source = source
        self._limits = limits
        self._lock = threading.Lock()
        self._gone: ProgramError | None = None
        self._closed = False
        columns = [
            wire.Column(name, shapes[name][1].str, shapes[name][0]) for name in entry.arguments
        ]
        self._plan = wire.plan(columns, capacity)
        self.zygote = zygote or launch.zygote()
        self._start()
        _hosts.add(self)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the columns that the program reads."""
        return self.entry.arguments

    @property
    def level(self) -> Level:
        """How well its process is confined, from the self test of its zygote."""
        return self.zygote.self_test.level

    def resident_mb(self) -> float | None:
        """Resident memory of its process, megabytes; None where the kernel does not say."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            return None
        return pages * mmap.PAGESIZE / 1e6

    def cpu_s(self) -> float | None:
        """CPU seconds that its process has used; None where the kernel does not say."""
        return cpu_s(self.pid)

    def __call__(self, columns: Columns) -> Output:
        """Apply the program to columns of shape (n, ...).

        Raises:
            ProgramError: the program broke, hung, or returned something out of contract.
        """
        return self.apply(columns, self.style)

    def apply(self, columns: Columns, style: Style) -> Output:
        """Apply the program in a given style, whatever the style of this host."""
        n = self._rows(columns)
        with self._lock:
            starts = range(0, n, self.capacity)
            parts = [
                self._chunk(columns, start, min(self.capacity, n - start), style)
                for start in starts
            ]
        if not parts:
            return Output(np.zeros(0), {name: np.zeros(0) for name in self._names})
        block = (
            parts[0][1] if len(parts) == 1 else np.concatenate([part[1] for part in parts], axis=1)
        )
        return self._output(parts[0][0], block)

    def close(self) -> None:
        """End the process; may be called again, and while another thread waits for an answer."""
        self._closed = True
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self) -> int | None:
        """Release the memory and end the process; its exit status, None if it is unknown."""
        released = self._let_go()
        return self.zygote.end(self.pid, self._control) if released else None

    def _let_go(self) -> bool:
        """Forget memory and process; whether there was a process."""
        self._inputs: dict[str, Any] = {}
        self._rows_out = np.zeros((1, 0))
        return self._finalizer.detach() is not None

    def forget(self) -> None:
        """Forget the inherited process, in a forked process; the next call starts another."""
        self._lock = threading.Lock()  # a thread that does not exist here may have held it
        if self._let_go():
            self._control.close()

    def _start(self) -> None:
        """Open a process and let it load the program."""
        self._names: tuple[str, ...] = ()
        self._form: tuple[int, int] | None = None  # flags and rows used, the same in every reply
        self._first = True
        if not self.zygote.usable:
            self.zygote = launch.zygote()
        self._connect()
        try:
            self._load()
        except BaseException:
            self._end()
            raise

    def _connect(self) -> None:
        self.pid, self._control, memory = self.zygote.launch(self._plan.size)
        self._finalizer = weakref.finalize(self, self.zygote.abandon, self.pid, self._control)
        try:
            shared = mmap.mmap(memory, self._plan.size)
        except OSError as error:
            self._end()
            raise replies.lost(str(error)) from error
        finally:
            os.close(memory)
        self._inputs = self._plan.inputs(shared)
        self._rows_out = self._plan.output(shared, self._plan.output_offset)

    def _load(self) -> None:
        message = {
            "source": self._source,
            "entry": self.entry.name,
            "function": self.entry.function,
            "columns": self._plan.columns,
            "capacity": self.capacity,
            "memory_mb": self._limits.memory_mb,
            "seconds": self._limits.load_s,
            "wall_s": self._limits.wall_s,
        }
        text = json.dumps(message).encode()
        launch.set_timeout(self._control, LOOK_S)
        self._await_confined(wire.LENGTH.pack(len(text)) + text)
        self._ask(b"", self._limits.load_s, loaded=False)

    def _await_confined(self, message: bytes) -> None:
        """Wait until the process is confined; no failure is the program's fault yet."""
        try:
            self._control.sendall(message)
            said = launch.receive(self._control, self.pid, 1)
        except OSError as error:
            raise BoundaryError(
                f"the program host did not start: {error}", where="sandbox", retryable=True
            ) from error
        if not said:
            raise BoundaryError(
                "the program host ended before it was confined", where="sandbox", retryable=True
            )
        held = tuple(layer for i, layer in enumerate(LAYERS) if said[0] >> i & 1)
        if held != self.zygote.self_test.layers:
            expected = ", ".join(self.zygote.self_test.layers)
            found = ", ".join(held) or "nothing"
            text = f"the program host is confined by {found}; expected {expected}"
            raise BoundaryError(text, where="sandbox")

    def _rows(self, columns: Columns) -> int:
        """How many transitions; a column of a wrong shape is the caller's mistake."""
        read = [columns[name] for name in self.arguments] or columns.values()
        counts = {len(column) for column in read}
        for column in self._plan.columns:
            found = columns[column.name].shape[1:]
            if found != column.shape:
                raise ValueError(
                    f"column {column.name}: expected rows of {column.shape}, found {found}"
                )
        if len(counts) != 1:
            raise ValueError(f"columns of different lengths: {sorted(counts)}")
        return counts.pop()

    def _chunk(
        self, columns: Columns, start: int, n: int, style: Style
    ) -> tuple[replies.Reply, FloatArray]:
        """One call of the process: its reply, and a copy of the rows that it wrote."""
        if self._gone is not None:
            self._raise_gone()
        if self._closed:
            raise ValueError(_CLOSED)
        if not self._finalizer.alive:
            self._start()
        rows_out = self._rows_out  # close() in another thread takes it away
        for name, shared in self._inputs.items():
            np.copyto(shared[:n], columns[name][start : start + n], casting="same_kind")
        seconds = self._limits.load_s if self._first else self._limits.call_s
        reply = self._ask(wire.CALL.pack(n, style == "per_transition", seconds), seconds)
        self._first = False
        return reply, rows_out[: reply.used + 1, :n].copy()

    def _output(self, reply: replies.Reply, block: FloatArray) -> Output:
        if reply.flags == wire.MATRIX:
            return Output(np.ascontiguousarray(block[1:].T))
        total, terms = block[0], dict(zip(self._names, block[1:], strict=True))
        if reply.flags and terms:
            with np.errstate(all="ignore"):
                rest = total - block[1:].sum(axis=0)
                if not (np.abs(rest) <= 1e-9 * np.maximum(1.0, np.abs(block).max(axis=0))).all():
                    terms["_rest"] = rest
        return Output(total, terms)

    def _ask(self, message: bytes, seconds: float, *, loaded: bool = True) -> replies.Reply:
        """Send a message and wait for its reply."""
        begun = time.monotonic()
        try:
            self._control.sendall(message)
            reply = replies.receive(self._control, Waiting(self.pid, seconds, self._limits.wall_s))
            return self._expected(reply) if loaded else reply
        except Late as late:
            self._fail(replies.late(late, seconds))
        except (EOFError, OSError) as error:
            if self._closed:
                raise ValueError(_CLOSED) from None
            if not isinstance(error, (EOFError, ConnectionError)):
                raise
            self._fail(self._why_dead(begun))
        except ProgramError as error:
            if error.reason in ("memory", "died"):
                self._fail(error)
            raise
        except BaseException:  # interrupted: the next call would read this reply
            self._end()
            raise

    def _expected(self, reply: replies.Reply) -> replies.Reply:
        """The reply, if it fits what this entry point can return and returned before."""
        form = (reply.flags, reply.used)
        if self._form is not None:
            if reply.names is not None or form != self._form:
                raise replies.broken()
            return reply
        if self.entry.name == "q_prior" and "action" not in self.arguments:
            good = (
                reply.flags == wire.MATRIX
                and 1 <= reply.used <= wire.MAX_TERMS
                and reply.names is None
            )
        else:
            good = reply.flags <= 1 and reply.used == len(reply.names or ())
        if not good:
            raise replies.broken()
        self._form, self._names = form, reply.names or ()
        return reply

    def _why_dead(self, begun: float) -> ProgramError | BoundaryError:
        """The error for a process that is gone; under seccomp it cannot send itself SIGKILL."""
        by_itself = launch.soon_ends(self.pid)
        status = self._end()
        if status is None:
            return replies.lost("its zygote was killed")
        if status == -signal.SIGKILL and not by_itself:  # it closed its socket and went on
            return replies.broken()
        if status == -signal.SIGKILL and "seccomp" in self.zygote.self_test.layers:
            return replies.lost(
                "it was killed from outside", "check whether the machine ran out of memory"
            )
        wall_s = self._limits.wall_s
        if status == -signal.SIGALRM and time.monotonic() - begun >= wall_s:
            return replies.lost(f"it was stopped or got too little CPU time for {wall_s:g} s")
        return replies.cause_of_death(status)

    def _fail(self, error: ProgramError | BoundaryError) -> NoReturn:
        """End the process, and remember why if it is the program's fault."""
        self._end()
        if isinstance(error, BoundaryError):
            raise error from None
        self._gone = error.with_traceback(None)
        self._raise_gone()

    def _raise_gone(self) -> NoReturn:
        """Raise a new error: one that is raised again would keep the frames of each raise."""
        gone = self._gone
        assert gone is not None
        raise ProgramError(gone.message, gone.hint, line=gone.line, reason=gone.reason) from None


_hosts: weakref.WeakSet[ProgramHost] = weakref.WeakSet()


def _forget() -> None:
    for host in list(_hosts):
        host.forget()


os.register_at_fork(after_in_child=_forget)
