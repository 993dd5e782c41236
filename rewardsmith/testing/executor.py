"""What rewardsmith relies on in an executor."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rewardsmith.engine.workers.executor import ONE_CORE, Call, Executor, Resources
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.trials import CURVE, JOB, TRAINED, TrialJob, TrialProgress, write_json
from rewardsmith.task.loading import Task
from rewardsmith.testing.expectations import expect, expect_error
from rewardsmith.testing.toy import toy_task

_TASK, _TRIAL, _LOG = "task", "trial", "out.log"
_STEPS = 64
_LONG_STEPS = 50_000  # of a training that is ended early; 40 times in it, progress is reported


class ExecutorContract(ABC):
    """Tests of an executor, see :class:`rewardsmith.engine.workers.executor.Executor`.

    Class attributes:
        counts_resources: whether it refuses calls that need more than there is.
        ends_running_calls: whether ``close`` ends what runs; else a user waits for it. The test
            waits until ``progress`` knows that the call runs, at most ``timeout_s``.
        timeout_s: seconds after which a call that has not ended is a failure.
    """

    counts_resources: ClassVar[bool] = True
    ends_running_calls: ClassVar[bool] = True
    timeout_s: ClassVar[float] = 300.0

    @abstractmethod
    def executor(self) -> Executor:
        """A new executor, with room for a call of one core; the test closes it."""

    def test_a_call_leaves_its_results_in_its_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        good, broken = tmp_path / "good", tmp_path / "broken"
        calls = [_training(good, toy_task()), _training(broken, toy_task(broken=True))]
        before = _files(good / _TASK)
        monkeypatch.chdir(good / _TASK)  # paths of a call start from its root
        with self._opened() as executor:
            expect(
                executor.workers >= 1, "workers >= 1", executor.workers, "count the calls at once"
            )
            for call in calls:
                self._expect_progress(executor, call)
            finished, failed = (executor.submit(call) for call in calls)
            finished.result(self.timeout_s)
            written = {path.name for path in (good / _TRIAL).iterdir()}
            missing = {CURVE, TRAINED, _LOG} - written
            hint = "the folders in call.writes hold all results when the future is done"
            expect(not missing, f"{CURVE}, {TRAINED} and {_LOG}", f"no {missing}", hint)
            self._expect_progress(executor, calls[0])
            error = expect_error(
                BoundaryError,
                lambda: failed.result(self.timeout_s),
                "from the future of a call that fails",
                "raise what the call raised, see rewardsmith.engine.workers.process.run_call",
            )
            hint = "pass the error of the call on as it is"
            expect("on purpose" in error.message, "the call's message", error.message, hint)
        expect(_files(good / _TASK) == before, "the task unchanged", "changed files", "copy it")
        outside = {path.name for path in good.iterdir()} - {_TASK, _TRIAL}
        expect(not outside, "nothing beside the call's folders", outside, "write into them only")

    def test_a_call_that_needs_more_than_there_is_is_refused(self, tmp_path: Path) -> None:
        if not self.counts_resources:
            pytest.skip("it does not count resources: counts_resources is False")
        call = _training(tmp_path, toy_task(), needs=Resources(cores=1e6))
        with self._opened() as executor:
            expect_error(
                UsageError,
                lambda: executor.submit(call),
                "from submit() for a call that needs a million cores",
                "compare call.needs with what there is, or set counts_resources = False",
            )

    def test_close_ends_what_runs(self, tmp_path: Path) -> None:
        if not self.ends_running_calls:
            pytest.skip("close() waits for what runs: ends_running_calls is False")
        call = _training(tmp_path, toy_task(), steps=_LONG_STEPS)
        executor = self.executor()
        future = executor.submit(call)
        end = time.monotonic() + self.timeout_s
        while executor.progress(call) is None and not future.done() and time.monotonic() < end:
            time.sleep(0.05)
        closing = threading.Thread(target=executor.close, daemon=True)
        closing.start()
        closing.join(self.timeout_s)
        hint = "end the processes of the calls, or set ends_running_calls = False"
        expect(not closing.is_alive(), "close() to return", "a close() that waits", hint)
        done, _ = wait([future], self.timeout_s)
        hint = "cancel the future, or set an error"
        expect(done, "a future that is done after close()", "one that is still waiting", hint)
        ended = future.cancelled() or future.exception() is not None
        expect(ended, "a training that is ended", "a finished one", hint)

    def _expect_progress(self, executor: Executor, call: Call) -> None:
        """None, or how far the trials of the call are."""
        rows: Sequence[Any] = executor.progress(call) or ()
        valid = all(isinstance(row, TrialProgress) and row.program == "toy" for row in rows)
        hint = "return None where progress is not known, else what progress_on_disk reads"
        expect(valid, "None or the progress of the call's trials", rows, hint)

    @contextmanager
    def _opened(self) -> Iterator[Executor]:
        executor = self.executor()
        try:
            yield executor
        finally:
            executor.close()


def _training(root: Path, task: Task, steps: int = _STEPS, needs: Resources = ONE_CORE) -> Call:
    """A call that trains one agent with the native reward."""
    task.freeze(root / _TASK)
    (root / _TRIAL).mkdir()
    spec = task.spec
    job = TrialJob(
        program="toy", steps=steps, training=spec.training, evaluation=spec.evaluation, device="cpu"
    )
    write_json(root / _TRIAL / JOB, job)
    return Call("train", root, (_TASK,), (_TRIAL,), f"{_TRIAL}/{_LOG}", needs)


def _files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
