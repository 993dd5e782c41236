"""The executor of a Ray cluster: two nodes that are processes of their own, one of which is killed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

import rewardsmith as rs
from rewardsmith.engine.workers.executor import Call, Execution, packed, unpack
from rewardsmith.engine.workers.ray import RayExecutor
from rewardsmith.errors import UsageError
from rewardsmith.testing import ExecutorContract
from tests.support.line_runs import OPTIONS, happened, recorded
from tests.support.lineworld import write_task

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.timeout(1200),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster whose first node has no cores, so that calls run on the others."""
    from ray.cluster_utils import Cluster

    # Nodes of this machine compete with the tests; Ray lets its processes give way to all others.
    os.environ |= {"RAY_worker_niceness": "0"}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.fixture
def address(cluster: Any) -> Iterator[str]:
    yield cluster.address
    ray.shutdown()


class TestRay(ExecutorContract):
    @pytest.fixture(autouse=True)
    def _cluster(self, address: str) -> None:
        self.address = address

    def executor(self) -> RayExecutor:
        return RayExecutor(address=self.address)


class Losing:
    """Kills a node while the first training runs on it."""

    def __init__(self, executor: RayExecutor, kill: Any) -> None:
        self._executor, self._kill = executor, kill
        self.killed = False

    @property
    def workers(self) -> int:
        return self._executor.workers

    def submit(self, call: Call) -> Future[None]:
        future = self._executor.submit(call)
        if call.name == "train" and not self.killed:
            self.killed = True
            threading.Thread(target=self._kill_later, args=(call, future)).start()
        return future

    def _kill_later(self, call: Call, future: Future[None]) -> None:
        while not self._executor.progress(call) and not future.done():
            time.sleep(0.05)
        self._kill()

    def progress(self, call: Call) -> Any:
        return self._executor.progress(call)

    def close(self) -> None:
        self._executor.close()


def design(folder: Path, task: Path, executor: Any) -> rs.Run:
    return rs.design(
        str(task), replies=recorded(), options={**OPTIONS, "rounds": 1}, report_seeds=1,
        deciding_trainings=0, exploit_search=False, runs=folder, executor=executor, steps=6000,
    )  # fmt: skip


def test_a_run_that_loses_a_node_ends_as_on_one_machine(
    cluster: Any, address: str, tmp_path: Path
) -> None:
    task = write_task(tmp_path / "line")
    second = cluster.add_node(num_cpus=1)
    there = RayExecutor(address=address)
    losing = Losing(there, lambda: cluster.remove_node(second, allow_graceful=False))
    try:
        apart = design(tmp_path / "apart", task, losing)
    finally:
        losing.close()
    assert losing.killed
    here = design(tmp_path / "here", task, "local")
    assert happened(apart) == happened(here)
    for trial in here.state.trials.values():
        for name in ("curve.csv", "result.json"):
            one, other = (run.folder.trial(trial).path / name for run in (here, apart))
            if name == "curve.csv":
                rows, others = (_without_time(path.read_text()) for path in (one, other))
                assert rows == others
            else:
                assert one.exists() and other.exists()


def _without_time(curve: str) -> list[list[str]]:
    lines = [line.split(",") for line in curve.splitlines()]
    place = lines[0].index("wall_s")
    return [line[:place] + line[place + 1 :] for line in lines]


def test_a_call_that_no_node_can_run_is_refused(address: str, tmp_path: Path) -> None:
    executor = RayExecutor(address=address)
    call = Call("train", tmp_path, (), (), "log", needs=rs.Resources(gpus=1.0))
    with pytest.raises(UsageError, match="GPU"):
        executor.submit(call)
    executor.close()


def test_an_address_follows_the_name_of_an_executor(address: str) -> None:
    with Execution(f"ray:{address}").opened() as executor:
        assert executor.workers >= 1
    with pytest.raises(UsageError, match="takes no address"), Execution("local:there").opened():
        pass


def test_folders_travel_as_bytes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"content")
    unpack(packed(tmp_path, ["a", "missing"]), tmp_path / "there")
    assert (tmp_path / "there" / "a" / "b" / "file").read_bytes() == b"content"
