"""The worker server of the local executor: forks a child for each call.

``python -m rewardsmith.engine.workers.server N`` reads calls as JSON lines and runs as many side by
side as N cores, the GPUs and the memory of this machine allow. The children train and evaluate;
programs run in hosts of their own, below the children.
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
from typing import NamedTuple, TypedDict

from rewardsmith.engine.workers.calls import CALLS
from rewardsmith.engine.workers.executor import Call
from rewardsmith.engine.workers.failures import Answer, as_json, death
from rewardsmith.engine.workers.machine import Machine, Share


class Command(TypedDict):
    """A line of standard input: a call as :meth:`Call.to_json` writes it, and its number."""

    id: int
    call: str


class _Queued(NamedTuple):
    """A call that waits for its resources."""

    identity: int
    call: Call


class _Child(NamedTuple):
    """A call that runs."""

    identity: int
    pid: int
    share: Share


class Server:
    """Forks a child per call and reports how it ended."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._waiting: deque[_Queued] = deque()
        self._running: dict[int, _Child] = {}  # by the read end of its pipe
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
            self._start_what_fits()

    def _queue(self, command: Command) -> None:
        """Queue a call; an evaluation goes first, because it finishes a trial."""
        queued = _Queued(command["id"], Call.from_json(command["call"]))
        if queued.call.name == "evaluate":
            self._waiting.appendleft(queued)
        else:
            self._waiting.append(queued)

    def _start_what_fits(self) -> None:
        """Start waiting calls in order; a call passes those that wait for what it does not need."""
        for queued in list(self._waiting):
            share = self._machine.take(queued.call.needs)
            if share is not None:
                self._waiting.remove(queued)
                self._start(queued, share)

    def _start(self, queued: _Queued, share: Share) -> None:
        read_end, write_end = os.pipe()
        server, pid = os.getpid(), os.fork()
        if pid == 0:
            os.close(read_end)
            _run_in_child(queued.call, share, write_end, server)
        os.close(write_end)
        self._running[read_end] = _Child(queued.identity, pid, share)
        self._selector.register(read_end, selectors.EVENT_READ)

    def _reap(self, read_end: int) -> None:
        """A child wrote its answer, or died without one; whatever it started ends with it."""
        self._selector.unregister(read_end)
        with os.fdopen(read_end, "rb") as pipe:
            content = pipe.read()
        child = self._running.pop(read_end)
        # It is not reaped yet, so the number is still its own.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        self._machine.give_back(child.share)
        answer = json.loads(content) if content else {"error": death(_how_it_ended(status))}
        self._answers.write(json.dumps({"id": child.identity, **answer}).encode() + b"\n")

    def _end(self) -> None:
        for child in self._running.values():
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:  # it had no time yet to make its own group
                os.kill(child.pid, signal.SIGKILL)
        os._exit(0)


def _run_in_child(call: Call, share: Share, answer_to: int, server: int) -> None:
    """Carry out one call in a new process; never returns."""
    answer: Answer = {"error": None}
    _keep_to_itself(answer_to)
    try:
        os.setpgid(0, 0)
        _die_with_parent(server)
        # No link: a trainer before it may have put one in its place, and nothing holds this process
        # to a folder yet.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        log = os.open(call.log_path, flags, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if share.gpus is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(share.gpus)
        CALLS[call.name](call)
    except BaseException as error:
        answer = {"error": as_json(error)}
        with suppress(OSError):  # the log may be on the disk that is full
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    with suppress(OSError), os.fdopen(answer_to, "wb") as pipe:  # the server may be gone
        pipe.write(json.dumps(answer).encode())
    # What it started may hold the pipe open, and must not outlive the call.
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _keep_to_itself(descriptor: int) -> None:
    """Close a descriptor in every fork of this process: the server waits until it is closed."""
    kept = [descriptor]

    def close() -> None:
        if kept:  # once: in a fork of the fork the number is another's
            os.close(kept.pop())

    os.register_at_fork(after_in_child=close)


def _how_it_ended(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _die_with_parent(server: int) -> None:
    """On Linux the kernel ends a child whose server was killed; elsewhere it runs to its end."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != server:  # killed before this setting took effect
        os._exit(1)


def main() -> None:
    """Import what every job needs, then serve."""
    with _ending_with_client():
        _import_all()
    Server(Machine.here(int(sys.argv[1]))).serve()


@contextmanager
def _ending_with_client() -> Iterator[None]:
    """End when the client dies before the server listens; leaves no thread behind."""
    client, over = select.poll(), threading.Event()
    client.register(0, 0)  # poll always reports that the other end is closed

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
    import rewardsmith.train.group
    import rewardsmith.train.preflight
    import rewardsmith.train.trial  # noqa: F401

    torch.set_num_threads(1)
    # The first optimiser imports half of torch: once here, not in every child.
    torch.optim.Adam([torch.zeros(1)])


if __name__ == "__main__":
    main()
