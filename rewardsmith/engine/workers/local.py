"""The executor of this machine.

1. One server process is started by exec, imports the heavy libraries once, and forks a child per
   call: a call starts in milliseconds, a script without a main guard or a notebook cannot be run
   twice by accident, and a crash or a kill ends one call and nothing else.
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
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from rewardsmith.engine.workers.executor import Call, progress_on_disk
from rewardsmith.engine.workers.failures import from_json
from rewardsmith.engine.workers.machine import Machine, available_cores
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.trials import TrialProgress

# a server that is still importing has no children yet and does not read; it is killed after this
_END_S = 1.5
SPARE_SERVERS = 2  # a server that dies at every start must not be started endlessly
_GONE = "the worker server ended"
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)


class LocalExecutor:
    """Carries out calls in processes of this machine; see :class:`Executor`.

    Args:
        workers: calls of one core that run side by side; the number of cores with None. More wait
            in order.

    Attributes:
        workers: the same, as a number.

    Raises:
        UsageError: this operating system cannot fork.
    """

    def __init__(self, workers: int | None = None) -> None:
        if not hasattr(os, "fork"):
            raise UsageError("training needs Linux or macOS", "on Windows use WSL2")
        self.workers = workers or available_cores()
        self._machine = Machine.here(self.workers)
        self._futures: dict[int, Future[None]] = {}
        self._lock = threading.Lock()
        self._count = 0
        self._spare = SPARE_SERVERS
        self._server = self._launch()

    def submit(self, call: Call) -> Future[None]:
        """Start a call; see :class:`Executor`."""
        self._machine.require(call.needs)
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            self._count += 1
            self._futures[self._count] = future
            message = {"id": self._count, "call": call.to_json()}
            assert self._server.stdin is not None
            try:
                self._server.stdin.write(json.dumps(message).encode() + b"\n")
                self._server.stdin.flush()
            except OSError:  # it died; its reader fails the calls unless it has done so already
                if self._spare <= 0:
                    self._fail_all(_GONE)
        return future

    def progress(self, call: Call) -> Sequence[TrialProgress] | None:
        """What the training of a call reported last."""
        return progress_on_disk(call)

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
            [sys.executable, "-P", "-m", "rewardsmith.engine.workers.server", str(self.workers)],
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
        """Resolve futures until the server ends; a killed server is replaced and its calls fail."""
        assert server.stdin is not None and server.stdout is not None
        with server.stdout as answers:
            for line in answers:
                answer = json.loads(line)
                with self._lock:
                    future = self._futures.pop(answer["id"])
                if answer.get("error") is None:
                    future.set_result(None)
                else:
                    future.set_exception(from_json(answer["error"]))
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


def clean_environment() -> dict[str, str]:
    """The environment of a worker: no credential of this process, one thread per library."""
    kept = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
    # Last, so that nothing beside the package hides an installed one.
    package = str(Path(__file__).resolve().parents[3])
    kept["PYTHONPATH"] = os.pathsep.join([*filter(None, [kept.get("PYTHONPATH")]), package])
    return kept | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
