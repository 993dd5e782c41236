"""Starts a program host process and ends it; knows nothing of what is said to it.

The process is started by exec, not by fork: it shares no memory, no open file and no environment with this process,
which may hold keys. Its package is found by path, through a stand-in for ``rewardsmith`` that runs no ``__init__``:
installed or from a checkout, it imports the few files it needs and nothing else. Until it says that it is ready its
stderr is the socket, so that a failed start can be explained without a further pipe.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rewardsmith.errors import BoundaryError
from rewardsmith.sandbox.wire import READY

START_S = 30.0  # an interpreter with numpy takes 0.2 s; a cold network disk takes longer
_IDLE_CHECK_S = 5.0  # how often an idle process asks whether it was orphaned
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # where the interpreter needs them to start; cleared right after
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_BOOT = (
    "import sys, types; p = types.ModuleType('rewardsmith'); p.__path__ = [sys.argv[1]]; "
    "sys.modules['rewardsmith'] = p; sys.path += [sys.argv[2]]; from rewardsmith.sandbox.process import main; main()"
)


class Launched(NamedTuple):
    """A running process, the socket to it, and the memory file that both have open."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    memory: int


def launch(size: int) -> Launched:
    """Start a process with a memory file of so many bytes, and wait until it is ready.

    Raises:
        BoundaryError: it cannot be started here.
    """
    memory = _memory_file(size)
    ours, theirs = socket.socketpair()
    try:
        set_timeout(theirs, _IDLE_CHECK_S)
        process = _start(theirs, memory)
    except OSError as error:
        ours.close()
        os.close(memory)
        raise BoundaryError(f"the program host cannot be started: {error}", where="sandbox", retryable=True) from error
    finally:
        theirs.close()
    launched = Launched(process, ours, memory)
    try:
        _await_ready(ours)
    except BaseException:
        os.close(memory)
        end(process, ours)
        raise
    return launched


def end(process: subprocess.Popen[bytes], control: socket.socket) -> int:
    """Kill the process with all its group and reap it.

    Returns:
        its exit status, negative for a signal
    """
    if process.returncode is None:  # until it is reaped its id, and so its group's, belongs to nobody else
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    status = process.wait()
    control.close()  # last: a thread that waits on it is woken by the end of the process, not by a reused number
    return status


def set_timeout(control: socket.socket, seconds: float) -> None:
    """Limit each receive in the kernel: cheaper than ``settimeout``, which polls before every receive."""
    whole = int(seconds)
    value = struct.pack("ll", whole, int((seconds - whole) * 1e6))
    control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)


def _start(control: socket.socket, memory: int) -> subprocess.Popen[bytes]:
    package = Path(__file__).resolve().parents[1]
    libraries = Path(np.__file__).resolve().parents[1]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    words = [package, libraries, control.fileno(), memory, os.getpid()]
    flags = ["-I", "-S", "-W", "ignore", *(["-B"] if sys.dont_write_bytecode else [])]
    return subprocess.Popen(
        [sys.executable, *flags, "-c", _BOOT, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=control.fileno(),
        cwd="/",
        env={**kept, **dict.fromkeys(_ONE_THREAD, "1")},
        pass_fds=(control.fileno(), memory),
        start_new_session=True,
    )


def _memory_file(size: int) -> int:
    """A file without a name; sealed where possible, so that a program cannot cut it short under our feet."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return os.dup(file.fileno())
    memory = os.memfd_create("rewardsmith", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, size)
    with suppress(OSError):
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return memory


def _await_ready(control: socket.socket) -> None:
    set_timeout(control, START_S)
    said = b""
    while not said.endswith(READY):
        try:
            part = control.recv(4096)
        except BlockingIOError:
            message = f"the program host was not ready after {START_S:g} s"
            raise BoundaryError(message, "is the machine overloaded?", where="sandbox", retryable=True) from None
        if not part:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise BoundaryError(f"the program host did not start: {last[0]}", where="sandbox")
        said += part
