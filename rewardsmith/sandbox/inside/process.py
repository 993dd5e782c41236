"""The program host process: the only place where generated code runs, and where ``exec`` stands.

Forked from the zygote, it takes one program, maps the arrays, confines itself, and only then runs
the program and
answers calls: arrays in through shared memory that it can only read, float64 out.

It cannot outlive its parent for long. On Linux the kernel ends it with the zygote. Elsewhere, idle,
it ends when its socket closes and asks now and then whether it was orphaned; busy, a kernel timer
with its default action ends it
shortly after the parent would have given up: unlike a signal handler of Python's or a watchdog
thread that also stops a loop inside C code such as ``sum(range(10**18))``.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, NoReturn

from rewardsmith.sandbox.inside.confine import LAYERS, confine
from rewardsmith.sandbox.inside.contract import OutputError, Writer, rows_of
from rewardsmith.sandbox.inside.frozen import StateError, freeze
from rewardsmith.sandbox.inside.namespace import FILENAME, new_namespace, program_tree
from rewardsmith.sandbox.wire import (
    CALL,
    ERROR,
    GRACE_S,
    LENGTH,
    MAX_MESSAGE,
    OK,
    OK_NAMES,
    REPLY,
    Column,
    plan,
)
from rewardsmith.types import Array

_REASONS = {
    MemoryError: "memory",
    OutputError: "output",
    PermissionError: "system",
    StateError: "state",
}
_DESCRIPTORS = 64  # more than a zygote has; a host has a few of its lowest numbers
_NO_REPLY: tuple[int, int, int, Any] = (OK, 0, 0, None)


def serve(control: int, memory: int, layers: tuple[str, ...]) -> NoReturn:
    """Serve the parent at the other end of ``control``; both share the file ``memory``.

    The parent sends the program, receives the active layers of confinement and whether the module
    could be loaded, and then calls it.
    """
    channel = _Channel(control)
    load = json.loads(channel.read(*LENGTH.unpack(channel.read(LENGTH.size))))
    channel.wall_s = load["wall_s"]
    program = _Program(load, memory)
    os.closerange(
        3, control
    )  # the memory, and the copies that each mmap keeps: with them it could be mapped again
    os.closerange(control + 1, _DESCRIPTORS)
    held = confine(load["memory_mb"], layers)
    channel.send(bytes([sum(1 << LAYERS.index(layer) for layer in held)]))
    channel.answer(load["seconds"], program.load)
    while True:
        rows, style, seconds = CALL.unpack(channel.read(CALL.size))
        channel.answer(seconds, program.call, rows, style)


class _Channel:
    """The socket to the parent."""

    def __init__(self, control: int) -> None:
        self._control = control
        self._parent = os.getppid()
        self.wall_s = 0.0  # real seconds for one answer, from the parent's first message

    def read(self, size: int) -> bytes:
        """Read exactly ``size`` bytes; end the process if the parent is gone."""
        got = b""
        while len(got) < size:
            try:
                part = os.read(self._control, size - len(got))
            except BlockingIOError:  # receive timeout: no message for a while
                if os.getppid() != self._parent:
                    os._exit(0)
                continue
            if not part:
                os._exit(0)
            got += part
        return got

    def send(self, message: bytes) -> None:
        sent = 0
        while sent < len(message):
            sent += os.write(self._control, message[sent:])

    def answer(
        self, seconds: float, work: Callable[..., tuple[int, int, int, Any]], *arguments: Any
    ) -> None:
        """Do the work under the kernel's timers, of CPU time and of real time; send one reply."""
        signal.setitimer(signal.ITIMER_PROF, seconds + GRACE_S)
        signal.setitimer(signal.ITIMER_REAL, self.wall_s + GRACE_S)
        try:
            kind, flags, used, content = work(*arguments)
        except (
            BaseException
        ) as error:  # whatever it raises is the program's failure, SystemExit included
            kind, flags, used, content = ERROR, 0, 0, _failure(error)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        payload = b"" if content is None else json.dumps(content).encode()
        self.send(REPLY.pack(kind, flags, used, len(payload)) + payload)


class _Program:
    """The loaded program, and the memory of its arguments and results."""

    def __init__(self, load: dict[str, Any], memory: int) -> None:
        self._source: str = load["source"]
        self._name: str = load["function"]
        columns = [Column(name, dtype, tuple(shape)) for name, dtype, shape in load["columns"]]
        places = plan(columns, load["capacity"])
        size = places.size - places.output_offset
        readable = mmap.mmap(_read_only(memory), places.output_offset, access=mmap.ACCESS_READ)
        writable = mmap.mmap(memory, size, access=mmap.ACCESS_WRITE, offset=places.output_offset)
        inputs = places.inputs(readable)
        self._arguments = [column.name for column in columns]
        self._inputs = [inputs[name] for name in self._arguments]
        takes_action = "action" in self._arguments
        self._writer = Writer(load["entry"], places.output(writable, 0), takes_action=takes_action)
        self._names_sent: tuple[str, ...] = ()  # names of terms that the parent knows
        self._apply: Callable[[Sequence[Any]], Any]

    def load(self) -> tuple[int, int, int, Any]:
        """Run the module and find its function."""
        namespace = new_namespace()
        exec(compile(program_tree(self._source), FILENAME, "exec", dont_inherit=True), namespace)
        freeze(namespace)
        function = namespace.get(self._name)
        if not isinstance(function, FunctionType):
            raise OutputError(
                f"after the module has run, {self._name} is a {type(function).__name__}; "
                "expected a function"
            )
        self._apply = _by_signature(function, self._arguments)
        return _NO_REPLY

    def call(self, rows: int, style: int) -> tuple[int, int, int, Any]:
        """Apply it to the first rows of the inputs: all at once, or (style 1) row by row."""
        writer = self._writer
        views: list[Array] = [column[:rows] for column in self._inputs]
        if style:
            for i, row in enumerate(rows_of(views, rows)):
                flags, used = writer.write(self._apply(row), i, 1)
        else:
            flags, used = writer.write(self._apply(views), 0, rows)
        if (writer.names or ()) == self._names_sent:
            return OK, flags, used, None
        self._names_sent = writer.names or ()
        return OK_NAMES, flags, used, self._names_sent


def _read_only(memory: int) -> int:
    """Open the memory file for reading only, so that no mapping of it can be made writable."""
    try:
        return os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # no /proc here
        return os.dup(memory)


def _by_signature(function: FunctionType, names: list[str]) -> Callable[[Sequence[Any]], Any]:
    """How to pass the arguments: in order as far as possible, the rest by name."""
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    first = 0
    while first < len(names) and positional[first : first + 1] == (names[first],):
        first += 1
    if first == len(names):
        return lambda values: function(*values)
    rest = names[first:]
    return lambda values: function(*values[:first], **dict(zip(rest, values[first:], strict=True)))


def _failure(error: BaseException) -> dict[str, Any]:
    """The failure for the parent: reason, line, message."""
    reason = next(
        (reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "exception"
    )
    line = error.lineno if isinstance(error, SyntaxError) else 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILENAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        text = str(error)
    except BaseException:  # an exception of the program's own making
        text = ""
    message = (
        text if reason in ("output", "state") else f"{type(error).__name__}: {text}".rstrip(": ")
    )
    return {"reason": reason, "line": line or 0, "message": message[:MAX_MESSAGE]}
