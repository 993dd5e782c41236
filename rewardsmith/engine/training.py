"""Train orders -> trials. A finished trial is never run again: its result lies on disk under its digest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardsmith.config import RunConfig
from rewardsmith.engine.feedback import read_curve
from rewardsmith.engine.judging import read_verdict
from rewardsmith.engine.observer import TrialProgress
from rewardsmith.errors import BoundaryError
from rewardsmith.events import disk_error
from rewardsmith.executor.local import Executor
from rewardsmith.orders import Train
from rewardsmith.program import NATIVE
from rewardsmith.store import RunFolder, write_whole
from rewardsmith.task.loading import Task
from rewardsmith.train.jobs import TrainedReport, TrialJob, TrialResult

ATTEMPTS = 2  # a machine may hiccup once


@dataclass
class RunningTrial:
    """A trial on its way through training and evaluation."""

    job: TrialJob
    folder: Path
    digest: str
    future: Future[Any] | None = None
    failures: int = 0


class Trainer:
    """Carries trials out through an executor."""

    def __init__(self, run: RunFolder, task: Task, config: RunConfig, executor: Executor) -> None:
        self._run = run
        self._task = task
        self._config = config
        self._executor = executor

    def begin(self, order: Train) -> list[RunningTrial]:
        """Start every trial of an order, or find it done."""
        trials = [self._prepare(order, seed) for seed in order.seeds]
        for trial in trials:
            self._next_call(trial)
        return trials

    def advance(self, trial: RunningTrial) -> bool:
        """After its call ended: go on to the next one; True when there is none left.

        Raises:
            BoundaryError: the trial failed as often as is tried, through no fault of its program.
            RunError: the disk is full.
        """
        assert trial.future is not None
        try:
            trial.future.result()
        except BoundaryError:
            trial.failures += 1
            if trial.failures >= ATTEMPTS:
                raise
        return not self._next_call(trial)

    def result(self, trial: RunningTrial) -> TrialResult:
        """What a trial came to."""
        result: TrialResult = _read(trial.folder / "result.json", TrialResult)
        return result

    def progress(self, trials: list[RunningTrial]) -> Iterator[TrialProgress]:
        """Where running trials are, from their curves."""
        for trial in trials:
            rows = read_curve(self._run, trial.job.program, trial.job.rung, trial.job.seed)
            seen = [row["fitness"] for row in rows if row.get("fitness") is not None]
            steps = int(rows[-1]["steps"] or 0) if rows else 0
            yield TrialProgress(
                trial.job.program, trial.job.seed, trial.job.rung, steps, trial.job.steps, seen[-1] if seen else None
            )

    def _prepare(self, order: Train, seed: int) -> RunningTrial:
        program: dict[str, Any] = {}
        if order.program != NATIVE:
            verdict = read_verdict(self._run, order.program)
            program = {
                "source": self._run.program_source(order.program),
                "entry": verdict.entries["reward"],
                "style": verdict.style or "batched",
            }
        job = TrialJob(
            task=str(self._run.task_folder),
            program=order.program,
            seed=seed,
            rung=order.rung,
            steps=order.steps,
            training=self._task.spec.training,
            evaluation=self._task.spec.evaluation,
            device=self._config.device,
            **program,
        )
        folder = self._run.trial_folder(order.program, order.rung, seed)
        return RunningTrial(job, folder, job.digest(self._task.digest))

    def _next_call(self, trial: RunningTrial) -> bool:
        """Submit what the trial still owes; False when it is done."""
        if _matches(trial.folder / "result.json", TrialResult, trial.digest):
            return False
        trained = _matches(trial.folder / "trained.json", TrainedReport, trial.digest)
        if not trained:
            shutil.rmtree(trial.folder, ignore_errors=True)
            write_whole(trial.folder / "job.json", trial.job.model_dump_json(indent=1) + "\n")
        call = "evaluate" if trained else "train"
        trial.future = self._executor.submit(call, {"folder": str(trial.folder)}, trial.folder / "out.log")
        return True


def _matches(path: Path, kind: type[TrainedReport] | type[TrialResult], digest: str) -> bool:
    """Whether a file of this very trial is there."""
    return path.exists() and _read(path, kind).digest == digest


def _read(path: Path, kind: Any) -> Any:
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise disk_error(path, error) from error
