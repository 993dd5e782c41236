"""The executor of a Ray cluster (extra ``ray``).

A call travels as bytes: the folders that it reads and writes. A process of Ray on some node unpacks
them, carries the call out with a worker server of its own, and sends back what the call wrote. Only
this process writes the run. Ray runs a call again if its node or its process is lost.

Ray's processes are used for many calls, and a call gives up rights of its process for good; so each
of them keeps a :class:`rewardsmith.engine.workers.local.LocalExecutor`, which has imported the
heavy libraries already and forks a child per call.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

from rewardsmith.engine.workers.executor import (
    ONE_CORE,
    Call,
    Resources,
    packed,
    progress_on_disk,
    unpack,
)
from rewardsmith.engine.workers.failures import Failure, as_json, from_json
from rewardsmith.engine.workers.local import LocalExecutor
from rewardsmith.errors import BoundaryError, RewardsmithError, UsageError
from rewardsmith.run.trials import TrialProgress
from rewardsmith.sandbox.inside.attacks import Level
from rewardsmith.sandbox.report import sandbox_report

_RETRIES = 3  # of a call whose node or process was lost
_REPORT_S = 1.0  # how often a node reports the progress of a training
_END_S = 10.0
_MB = 1_000_000
_WHERE = "the Ray cluster"


class Carried(NamedTuple):
    """What a node sends back.

    Attributes:
        written: the folders that the call wrote, packed.
        failure: what the call raised; None if it was carried out.
    """

    written: bytes
    failure: Failure | None


class RayExecutor:
    """Carries out calls on the nodes of a Ray cluster; see :class:`Executor`.

    Every node needs rewardsmith, and the packages that the task's environment needs. A node whose
    sandbox is weaker than the one of this machine is refused.

    Args:
        workers: calls that may run side by side; by default as many as Ray finds room for, which
            may become more when the cluster grows.
        address: of the cluster, as ``ray.init`` takes it. By default that of ``RAY_ADDRESS``; a
            cluster of this machine alone is started if there is none.

    Raises:
        UsageError: Ray is not installed.
        BoundaryError: there is no cluster at this address.

    Example:
        executor = RayExecutor(address="10.0.0.7:6379")
        rs.design("mountain-car", executor=executor)
        executor.close()
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        self._ray = ray = _ray()
        self._connected_here = not ray.is_initialized()
        if self._connected_here:
            _connect(address)
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._board = ray.remote(num_cpus=0)(_Board).remote()
        self._unpacking = ThreadPoolExecutor(1, "rewardsmith-ray")
        self._lock, self._most = threading.Lock(), workers
        self._waiting: deque[tuple[Call, Future[None]]] = deque()
        self._running: dict[Future[None], Any] = {}  # -> Ray's reference
        self._names: dict[str, str] = {}  # log of a call -> its name on the board
        self._known: dict[str, list[TrialProgress]] = {}
        self._closed = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def submit(self, call: Call) -> Future[None]:
        """Start a call; see :class:`Executor`."""
        self._require(call.needs)
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            self._waiting.append((call, future))
            self._start_what_fits()
        return future

    def _start_what_fits(self) -> None:
        while self._waiting and (self._most is None or len(self._running) < self._most):
            call, future = self._waiting.popleft()
            try:
                self._start(call, future)
            except Exception as error:  # of Ray, or of the disk: the call must not wait for ever
                future.set_exception(_lost(error))

    def _start(self, call: Call, future: Future[None]) -> None:
        name = f"{id(self)}/{len(self._names)}"
        self._names[str(call.log_path)] = name
        needs = call.needs
        remote = self._ray.remote(
            num_cpus=needs.cores,
            num_gpus=needs.gpus or 0,
            memory=needs.memory_mb * _MB,
            max_retries=_RETRIES,
        )(carry_out)
        sent = packed(call.root, (*call.reads, *call.writes))
        reference = remote.remote(call.to_json(), sent, self._board, name, sandbox_report().level)
        self._running[future] = reference
        reference.future().add_done_callback(
            lambda carried: self._unpacking.submit(self._take, call, carried, future)
        )

    def progress(self, call: Call) -> Sequence[TrialProgress] | None:
        """What the node of a training reported last."""
        return self._known.get(self._names.get(str(call.log_path), ""))

    def close(self) -> None:
        """End the running calls, and leave the cluster if this executor joined it."""
        self._closed.set()
        with self._lock:
            waiting, running = [*self._waiting], dict(self._running)
            self._waiting.clear()
        for _, future in waiting:
            future.set_exception(BoundaryError("the executor was closed", where="trainer"))
        for reference in running.values():
            self._ray.cancel(reference, force=True)
        wait(list(running), _END_S)
        self._unpacking.shutdown(cancel_futures=True)
        self._ray.kill(self._board)
        if self._connected_here:
            self._ray.shutdown()

    def _require(self, needs: Resources) -> None:
        """Refuse a call that no cluster of this size can ever run."""
        there = self._ray.cluster_resources()
        wanted = {"CPU": needs.cores, "GPU": needs.gpus or 0, "memory": needs.memory_mb * _MB}
        for name, amount in wanted.items():
            if amount > there.get(name, 0):
                raise UsageError(
                    f"a training needs {amount:g} {name}, and {_WHERE} has {there.get(name, 0):g}",
                    "add nodes, or ask for less",
                )

    def _take(self, call: Call, carried: Future[Carried], future: Future[None]) -> None:
        """Write what came back, and resolve the future of a call."""
        try:
            found = carried.result()
            unpack(found.written, call.root)
            if found.failure is not None:
                raise from_json(found.failure)
            future.set_result(None)
        except RewardsmithError as error:
            future.set_exception(error)
        except Exception as error:  # of Ray: its node or process was lost again and again
            future.set_exception(_lost(error))
        finally:
            with self._lock:
                self._running.pop(future, None)
                self._start_what_fits()

    def _follow(self) -> None:
        """Learn the progress of all trainings, until this executor is closed."""
        while not self._closed.wait(_REPORT_S):
            with suppress(self._ray.exceptions.RayError):  # the node of the board may be lost
                self._known = self._ray.get(self._board.all.remote(), timeout=_END_S)


class _Board:
    """An actor that knows the progress of all trainings."""

    def __init__(self) -> None:
        self._progress: dict[str, list[TrialProgress]] = {}

    def report(self, name: str, progress: list[TrialProgress]) -> None:
        self._progress[name] = progress

    def all(self) -> dict[str, list[TrialProgress]]:
        return self._progress


def carry_out(call: str, sent: bytes, board: Any, name: str, least: Level) -> Carried:
    """Carry out a call on a node of the cluster.

    Args:
        call: as :meth:`Call.to_json` writes it.
        sent: the folders that it reads and writes, packed.
        board: takes the progress, by this name.
        least: level of the sandbox that the node must reach.
    """
    with tempfile.TemporaryDirectory(prefix="rewardsmith-") as folder:
        root = Path(folder).resolve()
        unpack(sent, root)
        there = replace(Call.from_json(call), root=root, needs=ONE_CORE)
        there.log_path.parent.mkdir(parents=True, exist_ok=True)
        failure = None
        try:
            _require_sandbox(least)
            future = _server(os.environ.get("CUDA_VISIBLE_DEVICES")).submit(there)
            while not wait([future], _REPORT_S).done:
                if progress := progress_on_disk(there):
                    board.report.remote(name, list(progress))
            future.result()
        except RewardsmithError as error:
            failure = as_json(error)
        return Carried(packed(root, (*there.writes, there.log)), failure)


@cache
def _server(gpus: str | None) -> LocalExecutor:
    """The worker server of this process of Ray, which sees these GPUs."""
    return LocalExecutor(1)


def _require_sandbox(least: Level) -> None:
    """Refuse to run programs on a node that confines them worse than the machine of the user."""
    levels = get_args(Level)  # strong first
    found = sandbox_report()
    if levels.index(found.level) > levels.index(least):
        raise UsageError(
            f"a node of {_WHERE} ({found.system}) confines programs at level {found.level}, and "
            f"this machine at level {least}",
            "see `rewardsmith doctor` on the node, or leave it out of the cluster",
        )


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        raise UsageError("Ray is not installed", 'pip install "rewardsmith[ray]"') from None
    return ray


def _connect(address: str | None) -> None:
    try:
        _ray().init(address=address, log_to_driver=False, include_dashboard=False)
    except ValueError as error:
        raise UsageError(f"{_WHERE} refuses to be joined: {error}", "see ray.init") from error
    except ConnectionError as error:
        raise BoundaryError(
            f"there is no Ray cluster at {address}: {error}",
            "start one: ray start --head",
            where="trainer",
        ) from error


def _lost(error: Exception) -> BoundaryError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return BoundaryError(
        f"{_WHERE} did not carry out a call: {reason}",
        "see the logs of Ray",
        where="trainer",
        retryable=True,
    )
