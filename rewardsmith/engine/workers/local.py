"""Runs jobs in processes of this machine.

1. One server process is started by exec, imports the heavy libraries once, and forks a child per
   job: a job starts in milliseconds, a script without a main guard or a notebook cannot be run
   twice by accident, and a crash or a kill ends one job and nothing else.
2. The server dies with its client: it reads commands from a pipe and ends, with all its children,
   when the pipe closes, however the client died.
3. Keys and tokens are taken out of its environment.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from rewardsmith.errors import BoundaryError, RewardsmithError, RunError, UsageError

# a server that is still importing has no children yet and does not read; it is killed after this
_END_S = 1.5
_SPARE_SERVERS = 2  # a server that dies at every start must not be started for ever
_GONE = "the worker server ended"
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


class Executor(Protocol):
    """Carries out calls of :mod:`rewardsmith.engine.workers.server` somewhere else."""

    def submit(self, call: str, arguments: dict[str, Any], log: Path) -> Future[Any]:
        """Start a call; its output goes to ``log``.

        The future raises what the call raised if that is an error of ours, and
        BoundaryError(where="trainer") if the process died.
        """

    def close(self) -> None:
        """End all calls that are still running."""


class LocalExecutor:
    """An :class:`Executor` on this machine.

    Args:
        workers: calls that run side by side; more wait in order.
    """

    def __init__(self, workers: int) -> None:
        if not hasattr(os, "fork"):
            raise UsageError("training needs Linux or macOS", "on Windows use WSL2")
        self._workers = workers
        self._futures: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._count = 0
        self._spare = _SPARE_SERVERS
        self._server = self._launch()

    def submit(self, call: str, arguments: dict[str, Any], log: Path) -> Future[Any]:
        """Start a call; see :class:`Executor`."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            self._count += 1
            self._futures[self._count] = future
            message = {"id": self._count, "call": call, "arguments": arguments, "log": str(log)}
            assert self._server.stdin is not None
            try:
                self._server.stdin.write(json.dumps(message).encode() + b"\n")
                self._server.stdin.flush()
            except OSError:  # it died; unless its reader is about to say so, nobody will
                if self._spare <= 0:
                    self._fail_all(_GONE)
        return future

    def close(self) -> None:
        """End the server and everything below it."""
        with self._lock:
            self._spare = 0
        assert self._server.stdin is not None
        try:
            self._server.stdin.close()
        except OSError:
            pass
        try:
            self._server.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _launch(self) -> subprocess.Popen[bytes]:
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "rewardsmith.engine.workers.server", str(self._workers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environment(),
            start_new_session=True,  # Ctrl-C is for the engine, which then ends the server in order
        )
        threading.Thread(
            target=self._read, args=(server,), name="rewardsmith-executor", daemon=True
        ).start()
        return server

    def _read(self, server: subprocess.Popen[bytes]) -> None:
        """Hand out answers until the server ends; one that was killed is replaced, its calls fail."""
        assert server.stdin is not None and server.stdout is not None
        with server.stdout as answers:
            for line in answers:
                answer = json.loads(line)
                with self._lock:
                    future = self._futures.pop(answer["id"])
                if answer.get("error") is None:
                    future.set_result(answer.get("result"))
                else:
                    future.set_exception(_error(answer["error"]))
        with self._lock:
            if self._spare > 0:
                with suppress(OSError):
                    server.stdin.close()
                server.wait()
                self._spare -= 1
                self._server = self._launch()
            self._fail_all(_GONE)

    def _fail_all(self, why: str) -> None:
        for future in self._futures.values():
            future.set_exception(
                BoundaryError(
                    why, "see out.log in the trial's folder", where="trainer", retryable=True
                )
            )
        self._futures.clear()


def available_cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that looks like a credential, one thread per library."""
    kept = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
    package = str(
        Path(__file__).resolve().parents[3]
    )  # last, so that nothing beside it hides an installed package
    kept["PYTHONPATH"] = os.pathsep.join([*filter(None, [kept.get("PYTHONPATH")]), package])
    return kept | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _error(data: dict[str, Any]) -> RewardsmithError:
    """An error of a worker, as the same class here."""
    if data["type"] == "UsageError":
        return UsageError(data["message"], data["hint"])
    if data["type"] == "RunError":
        return RunError(data["message"], data["hint"])
    return BoundaryError(data["message"], data["hint"], where=data.get("where", "trainer"))
