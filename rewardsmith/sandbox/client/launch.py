"""Starts the zygotes of this process, and program hosts from them.

A zygote is started by exec, not by fork: it shares no memory, no open file and no environment with
this process, which may hold keys. It finds the package by path, through a stand-in for
``rewardsmith`` that runs no ``__init__``, so it imports only the few files that it needs. Until it
is ready its stderr is the socket, so that the reason of a failed start arrives there.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rewardsmith.errors import BoundaryError
from rewardsmith.sandbox.client.waiting import LOOK_S, Late, Waiting, is_ending
from rewardsmith.sandbox.inside.attacks import SelfTest
from rewardsmith.sandbox.inside.confine import LAYERS
from rewardsmith.sandbox.wire import ANSWER, COMMAND, FORK, READY, REAP

START_CPU_S = 60.0  # an interpreter with numpy takes 0.2 s
START_WALL_S = 300.0  # a busy machine or a cold network disk takes longer
_IDLE_CHECK_S = 5.0  # how often an idle zygote or host checks whether it was orphaned
_TO_DIE_S = 0.5  # patience where the kernel does not say that a process is about to end
_KEPT = (
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
)  # the interpreter may need them to start; cleared right after
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_BOOT = (
    "import sys, types; p = types.ModuleType('rewardsmith'); p.__path__ = [sys.argv[1]]; "
    "sys.modules['rewardsmith'] = p; sys.path += [sys.argv[2]]; "
    "from rewardsmith.sandbox.inside.zygote import main; main()"
)


class Launched(NamedTuple):
    """A program host process: its id, the socket to it, the shared memory file."""

    pid: int
    control: socket.socket
    memory: int


class Zygote:
    """A zygote process of this process.

    Args:
        layers: the layers that confine its hosts; fewer than all only for tests.
        hash_seed: fixes the order of sets, so that verdicts are repeatable.

    Raises:
        BoundaryError: it cannot be started here.
    """

    def __init__(self, layers: Collection[str] = LAYERS, hash_seed: int = 0) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._abandoned: list[int] = []  # killed, not yet reaped
        self._asked = 0  # number of the last question
        self._forks: set[int] = set()  # questions for a host that have no answer yet
        with ExitStack() as stack:
            try:
                self._control, theirs = socket.socketpair()
                stack.callback(self._control.close)
                with theirs:
                    set_timeout(theirs, _IDLE_CHECK_S)
                    self._process = _start(theirs, ",".join(layers), hash_seed)
            except OSError as error:
                raise _cannot_start(error) from error
            stack.pop_all()
        try:
            self.self_test = _await_ready(self._control, self.pid)
        except BaseException:
            self.close()
            raise
        atexit.register(self.close)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it is alive and a child of this process, not of one that this was forked from."""
        return self._owner == os.getpid() and self._process.poll() is None

    def launch(self, size: int) -> Launched:
        """Fork a host with a memory file of ``size`` bytes.

        Raises:
            BoundaryError: no process can be started, or the zygote was killed.
        """
        with ExitStack() as stack:
            try:
                memory = _memory_file(size)
                stack.callback(os.close, memory)
                ours, theirs = socket.socketpair()
                stack.callback(ours.close)
                with theirs:
                    set_timeout(theirs, _IDLE_CHECK_S)
                    pid = self._ask(FORK, 0, theirs.fileno(), memory)
                if not pid:
                    raise OSError("the system allows no further process")
            except OSError as error:
                raise _cannot_start(error) from error
            stack.pop_all()
        return Launched(pid, ours, memory)

    def end(self, pid: int, control: socket.socket) -> int | None:
        """Kill a host with all its group.

        Returns:
            its exit status, negative for a signal; None if the zygote is gone, and the host with it
        """
        try:
            if self._stop(pid, control):
                with suppress(OSError):
                    return os.waitstatus_to_exitcode(self._ask(REAP, pid))
            return None
        finally:
            control.close()  # last: a thread that waits on it must not find its number reused

    def abandon(self, pid: int, control: socket.socket) -> None:
        """Kill a host for the garbage collector, which may run in the middle of a command."""
        if self._stop(pid, control):
            self._abandoned.append(pid)
        control.close()

    def _stop(self, pid: int, control: socket.socket) -> bool:
        """Make a host end; False if its zygote is gone too, or belongs to another process.

        A root without the right to signal other users cannot kill a host, which runs as nobody. It
        then ends by itself: if idle since its socket is shut, if busy by its timer.
        """
        if self._owner == os.getpid():  # else this would shut the socket of our parent
            with suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)
        if not self.usable:
            return False
        for kill in (os.killpg, os.kill):  # until it is reaped, its id is not reused
            with suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
        return True

    def close(self) -> None:
        """End the zygote and, on Linux, all its hosts; may be called again."""
        atexit.unregister(self.close)
        self._control.close()
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()

    def _ask(self, command: bytes, pid: int, *files: int) -> int:
        """Send a command and wait for its answer; a zygote that does not answer is ended."""
        with self._lock:
            try:
                while self._abandoned:
                    self._exchange(REAP, self._abandoned[0])
                    del self._abandoned[0]  # the garbage collector appends meanwhile
                return self._exchange(command, pid, *files)
            except OSError:
                self.close()
                raise

    def _exchange(self, command: bytes, pid: int, *files: int) -> int:
        """Send one command; answers of interrupted commands are known by their number."""
        self._asked += 1
        if command == FORK:
            self._forks.add(self._asked)
        socket.send_fds(self._control, [COMMAND.pack(command, self._asked, pid)], files)
        while True:
            answer = receive(self._control, self.pid, ANSWER.size)
            if len(answer) < ANSWER.size:
                raise ConnectionError("its zygote was killed")
            asked, number = ANSWER.unpack(answer)
            is_host = asked in self._forks
            self._forks.discard(asked)
            if asked == self._asked:
                return int(number)
            if is_host and number:  # its command was interrupted; with its socket closed it ends
                self._abandoned.append(number)


_zygotes: dict[int, Zygote] = {}
_locks = (threading.Lock(), threading.Lock())


def zygote(which: int = 0) -> Zygote:
    """One of the two zygotes of this process, started at first use.

    They differ in hash seed and memory layout.

    Raises:
        BoundaryError: it cannot be started here.
    """
    with _locks[which]:
        found = _zygotes.get(which)
        if found is None or not found.usable:
            found = _zygotes[which] = Zygote(hash_seed=which)
        return found


def zygotes() -> tuple[Zygote, Zygote]:
    """Both zygotes, started at the same time."""
    if len(_zygotes) == 2 and all(found.usable for found in _zygotes.values()):
        return _zygotes[0], _zygotes[1]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(zygote, range(2))
    return first, second


def soon_ends(pid: int) -> bool:
    """Whether a process that closed its socket did so because it ends."""
    end = time.monotonic() + _TO_DIE_S
    while not is_ending(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def set_timeout(control: socket.socket, seconds: float) -> None:
    """Limit each receive in the kernel: ``settimeout`` would poll before each receive."""
    whole = int(seconds)
    value = struct.pack("ll", whole, int((seconds - whole) * 1e6))
    control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)


def _forget() -> None:
    """Forget inherited zygotes in a forked process, so that they see the end of their client."""
    global _locks
    _locks = (threading.Lock(), threading.Lock())
    for inherited in _zygotes.values():
        inherited.close()
    _zygotes.clear()


os.register_at_fork(after_in_child=_forget)


def _start(control: socket.socket, layers: str, hash_seed: int) -> subprocess.Popen[bytes]:
    package = Path(__file__).resolve().parents[2]
    libraries = Path(np.__file__).resolve().parents[1]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    words = [package, libraries, control.fileno(), os.getpid(), layers]
    flags = ["-P", "-s", "-S", "-W", "ignore", *(["-B"] if sys.dont_write_bytecode else [])]
    return subprocess.Popen(
        [sys.executable, *flags, "-c", _BOOT, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=control.fileno(),
        cwd="/",
        env={**kept, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONHASHSEED": str(hash_seed)},
        pass_fds=(control.fileno(),),
        start_new_session=True,
    )


def _memory_file(size: int) -> int:
    """A file without a name; sealed where possible, so that a program cannot truncate it."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return os.dup(file.fileno())
    memory = os.memfd_create("rewardsmith", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(memory, size)
    except OSError:
        os.close(memory)
        raise
    with suppress(OSError):
        fcntl.fcntl(
            memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        )
    return memory


def _await_ready(control: socket.socket, pid: int) -> SelfTest:
    """What the zygote found when it attacked itself."""
    set_timeout(control, LOOK_S)
    said = b""
    while not said.endswith(READY):
        try:
            part = receive(control, pid, 4096)
        except TimeoutError as late:
            raise BoundaryError(
                f"the sandbox was not ready: {late}",
                "use a machine with less load, or try again later",
                where="sandbox",
                retryable=True,
            ) from None
        if not part:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise BoundaryError(f"the sandbox did not start: {last[0]}", where="sandbox")
        said += part
    found = json.loads(said.removesuffix(READY).splitlines()[-1])
    return SelfTest(tuple(found["layers"]), tuple(found["stopped"]))


def receive(control: socket.socket, pid: int, size: int) -> bytes:
    """Receive from a process in which no program runs yet.

    Raises:
        TimeoutError: nothing came, with the reason.
    """
    try:
        return Waiting(pid, START_CPU_S, START_WALL_S).receive(control, size)
    except Late as late:
        raise TimeoutError(f"no answer ({late.reason}) after {late.detail}") from None


def _cannot_start(error: OSError) -> BoundaryError:
    return BoundaryError(
        f"the program host cannot be started: {error}",
        "see `rewardsmith doctor`",
        where="sandbox",
        retryable=True,
    )
