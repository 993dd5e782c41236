"""The local executor keeps the contract of an executor, and broken ones fail it."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar

import pytest

from rewardsmith.engine.workers.executor import Call
from rewardsmith.engine.workers.local import LocalExecutor
from rewardsmith.run.trials import TrialProgress
from rewardsmith.testing import ExecutorContract
from tests.support.contracts import failure


class TestLocal(ExecutorContract):
    def executor(self) -> LocalExecutor:
        return LocalExecutor(1)


class Forgetful:
    """Its futures are done before anything happened."""

    workers = 1

    def submit(self, call: Call) -> Future[None]:
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def progress(self, call: Call) -> list[TrialProgress] | None:
        return None

    def close(self) -> None:
        pass


class Swallowing(Forgetful):
    """A call that failed looks like one that did not."""

    def submit(self, call: Call) -> Future[None]:
        for name in ("curve.csv", "trained.json", "out.log"):
            (call.folders[0] / name).write_text("")
        return super().submit(call)


class Confused(Forgetful):
    """It reports the progress of another trial."""

    def progress(self, call: Call) -> list[TrialProgress] | None:
        return [TrialProgress("another", 0, "selection", 1, 2, None)]


class Leaving(Forgetful):
    """Calls go on when it is closed."""

    def submit(self, call: Call) -> Future[None]:
        return Future()


class Broken(ExecutorContract):
    timeout_s: ClassVar[float] = 0.01  # nothing is waited for

    def __init__(self, executor: Forgetful) -> None:
        self._executor = executor

    def executor(self) -> Forgetful:
        return self._executor


RESULTS = "a_call_leaves_its_results_in_its_folders"


@pytest.mark.parametrize(
    ("executor", "message"),
    [
        (Forgetful(), "curve.csv, trained.json and out.log"),
        (Swallowing(), "BoundaryError from the future of a call that fails"),
        (Confused(), "None or the progress of the call's trials"),
    ],
)
def test_an_executor_that_loses_results_fails(
    executor: Forgetful, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure(Broken(executor), RESULTS, tmp_path, monkeypatch, match=message)


@pytest.mark.parametrize(
    ("executor", "test", "message"),
    [
        (Forgetful(), "a_call_that_needs_more_than_there_is_is_refused", "a million cores"),
        (Forgetful(), "close_ends_what_runs", "a training that is ended"),
        (Leaving(), "close_ends_what_runs", "still waiting"),
    ],
)
def test_a_broken_executor_fails(
    executor: Forgetful, test: str, message: str, tmp_path: Path
) -> None:
    failure(Broken(executor), test, tmp_path, match=message)
