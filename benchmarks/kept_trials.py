"""An executor that trains each trial once: results are kept by the digest of their job.

Searches of a benchmark train the same programs on the same seeds again and again. The engine,
the screening and the statistics are those of a real run; only a training that was done before is
copied instead of repeated.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from rewardsmith.engine.workers.executor import Call, Executor
from rewardsmith.run.trials import JOB, RESULT, TrialJob, TrialProgress
from rewardsmith.task.loading import load_task


class KeptTrials:
    """Carries out calls with another executor, unless their results are kept.

    Args:
        folder: where results are kept.

    Attributes:
        trained: number of trainings that were not kept before.
    """

    def __init__(self, executor: Executor, folder: Path) -> None:
        self._executor, self._folder = executor, folder
        self._lock = threading.Lock()
        self.trained = 0

    @property
    def workers(self) -> int:
        """Those of the other executor."""
        return self._executor.workers

    def submit(self, call: Call) -> Future[None]:
        """Copy what is kept, and start the rest of the call."""
        if call.name not in ("train", "evaluate"):
            return self._executor.submit(call)
        digest = load_task(str(call.task)).digest
        kept = {name: self._place(call.root / name, digest) for name in call.writes}
        missing = tuple(name for name, place in kept.items() if not (place / RESULT).exists())
        for name in set(call.writes) - set(missing):
            shutil.copytree(kept[name], call.root / name, dirs_exist_ok=True)
        if not missing:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        if call.name == "train":
            self.trained += len(missing)
        future = self._executor.submit(replace(call, writes=missing))
        if call.name == "evaluate":
            future.add_done_callback(lambda _: self._keep(call.root, missing, kept))
        return future

    def progress(self, call: Call) -> Sequence[TrialProgress] | None:
        """Nothing: a call may be made of others."""
        return None

    def close(self) -> None:
        """Close the other executor."""
        self._executor.close()

    def _place(self, trial: Path, task_digest: str) -> Path:
        job = TrialJob.model_validate_json((trial / JOB).read_text(encoding="utf-8"))
        return self._folder / job.digest(task_digest)

    def _keep(self, root: Path, names: Sequence[str], places: dict[str, Path]) -> None:
        for name in names:
            if (root / name / RESULT).exists():
                with self._lock:
                    shutil.copytree(root / name, places[name], dirs_exist_ok=True)
