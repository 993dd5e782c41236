"""What runs in other processes; reached by name through an executor, never imported by the engine.

``python -m rewardsmith.engine.workers.server N`` reads calls as JSON lines and forks a child for
each, N at a time. The children train, evaluate and measure; programs run in hosts of their own,
below the children.
"""

from __future__ import annotations

import json
import os
import select
import selectors
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from rewardsmith.engine.workers.calls import CALLS
from rewardsmith.errors import BoundaryError, RewardsmithError, disk_full

if TYPE_CHECKING:
    pass


class Server:
    """Forks a child per call and reports how it ended."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._waiting: deque[dict[str, Any]] = deque()
        self._running: dict[
            int, tuple[int, int]
        ] = {}  # read end of its pipe -> (call id, process id)
        self._selector = selectors.DefaultSelector()
        self._answers = os.fdopen(os.dup(1), "wb", buffering=0)

    def serve(self) -> None:
        """Until standard input closes."""
        commands = b""
        self._selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fd != 0:
                    self._reap(key.fd)
                    continue
                piece = os.read(0, 1 << 16)
                if not piece:
                    return self._end()
                *lines, commands = (commands + piece).split(b"\n")
                for line in lines:
                    self._queue(json.loads(line))
            while self._waiting and len(self._running) < self._workers:
                self._start(self._waiting.popleft())

    def _queue(self, command: dict[str, Any]) -> None:
        """An evaluation goes before trainings that wait: it finishes a trial, they would begin one."""
        if command["call"] == "evaluate":
            self._waiting.appendleft(command)
        else:
            self._waiting.append(command)

    def _start(self, command: dict[str, Any]) -> None:
        read_end, write_end = os.pipe()
        server, child = os.getpid(), os.fork()
        if child == 0:
            os.close(read_end)
            _child(command, write_end, server)
        os.close(write_end)
        self._running[read_end] = (command["id"], child)
        self._selector.register(read_end, selectors.EVENT_READ)

    def _reap(self, read_end: int) -> None:
        """A child wrote its answer, or died without one; whatever it started ends with it."""
        self._selector.unregister(read_end)
        with os.fdopen(read_end, "rb") as pipe:
            content = pipe.read()
        identity, child = self._running.pop(read_end)
        with suppress(
            ProcessLookupError, PermissionError
        ):  # it is not reaped yet, so the number is still its own
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        answer = json.loads(content) if content else {"error": _death(status)}
        self._answers.write(json.dumps({"id": identity, **answer}).encode() + b"\n")

    def _end(self) -> None:
        for _, child in self._running.values():
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:  # it had no time yet to make its own group
                os.kill(child, signal.SIGKILL)
        os._exit(0)


def _child(command: dict[str, Any], answer_to: int, server: int) -> None:
    """Carry out one call in a process of its own; never returns."""
    answer: dict[str, Any] = {"result": None}
    _keep_to_itself(answer_to)
    try:
        os.setpgid(0, 0)
        _die_with_parent(server)
        # No link: a trainer before it may have put one in its place, and nothing holds this process
        # to a folder yet.
        log = os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        CALLS[command["call"]](**command["arguments"])
    except BaseException as error:
        answer = {"error": _describe(error)}
        with suppress(OSError):  # the log may be on the disk that is full
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    with suppress(OSError), os.fdopen(answer_to, "wb") as pipe:  # the server may be gone
        pipe.write(json.dumps(answer).encode())
    if (
        os.getpgrp() == os.getpid()
    ):  # what it started may hold the pipe open, and must not outlive the call
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _keep_to_itself(descriptor: int) -> None:
    """Close a descriptor in every process that is forked from this one: the server waits until nobody holds it."""
    kept = [descriptor]

    def close() -> None:
        if kept:  # once: in a fork of the fork the number is another's
            os.close(kept.pop())

    os.register_at_fork(after_in_child=close)


def _describe(error: BaseException) -> dict[str, Any]:
    """An error as JSON, for the executor to raise again."""
    if disk_full(error):  # however it was met: also as the cause of what a library made of it
        return {
            "type": "RunError",
            "message": f"cannot write: {error}",
            "hint": "free some disk space, then resume",
        }
    if isinstance(error, RewardsmithError):
        where = error.where if isinstance(error, BoundaryError) else "trainer"
        return {
            "type": type(error).__name__,
            "message": error.message,
            "hint": error.hint,
            "where": where,
        }
    hint = "see out.log in the trial's folder"
    return {
        "type": "BoundaryError",
        "message": f"{type(error).__name__}: {error}",
        "hint": hint,
        "where": "trainer",
    }


def _death(status: int) -> dict[str, Any]:
    code = os.waitstatus_to_exitcode(status)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    return {
        "type": "BoundaryError",
        "message": f"the trainer process {how}",
        "hint": "memory may have run out",
    }


def _die_with_parent(server: int) -> None:
    """On Linux the kernel ends a child whose server was killed; elsewhere it runs to its end."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != server:  # killed before the kernel was told
        os._exit(1)


def main() -> None:
    """Import what every job needs, then serve."""
    with _ending_with_client():
        _import_all()
    Server(int(sys.argv[1])).serve()


@contextmanager
def _ending_with_client() -> Iterator[None]:
    """End at once when the client dies in the seconds before the server listens; leaves no thread to fork."""
    client, over = select.poll(), threading.Event()
    client.register(0, 0)  # that the other end is gone is always told

    def watch() -> None:
        while not over.is_set():
            if client.poll(100):
                os._exit(0)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _import_all() -> None:
    import stable_baselines3  # noqa: F401
    import tensorboard  # noqa: F401
    import torch
    from torch.utils import tensorboard as _  # noqa: F401

    import rewardsmith.sandbox.client.host
    import rewardsmith.train.evaluation
    import rewardsmith.train.preflight
    import rewardsmith.train.trial  # noqa: F401

    torch.set_num_threads(1)
    torch.optim.Adam(
        [torch.zeros(1)]
    )  # the first optimiser imports half of torch: once here, not in every child


if __name__ == "__main__":
    main()
