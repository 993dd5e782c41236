"""Train orders -> trials. A finished trial is never run again: its result lies on disk under its digest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rewardsmith.engine.workers.local import Executor
from rewardsmith.errors import BoundaryError
from rewardsmith.journal import disk_error
from rewardsmith.program import NATIVE
from rewardsmith.run.events import Trained
from rewardsmith.run.folder import RunFolder, write_whole
from rewardsmith.run.orders import Train
from rewardsmith.run.records import read_curve, read_verdict
from rewardsmith.run.state import TrialState
from rewardsmith.run.trials import TRAINED, TrainedReport, TrialJob, TrialProgress, TrialResult
from rewardsmith.task.loading import Task

_TICK_S = 0.5  # how often progress is told while waiting
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

    def __init__(self, run: RunFolder, task: Task, device: str, executor: Executor) -> None:
        self._run = run
        self._task = task
        self._device = device
        self._executor = executor

    def carry_out(
        self, orders: Sequence[Train], tell: Callable[[Sequence[TrialProgress]], None]
    ) -> Iterator[tuple[RunningTrial, TrialResult | BoundaryError]]:
        """Run every trial of the orders side by side, as far as the executor goes, and give each as it ends.

        Args:
            tell: called about twice a second with where the running ones are.

        Yields:
            A trial with its result, or with what failed as often as is tried, through no fault of
            its program.

        Raises:
            RunError: the disk is full.
        """
        running = [self._prepare(order, seed) for order in orders for seed in order.seeds]
        for trial in running:
            self._next_call(trial)
        while running:
            for trial in [
                trial for trial in running if trial.future is None or trial.future.done()
            ]:
                outcome = self._advanced(trial)
                if outcome is not None:
                    running.remove(trial)
                    yield trial, outcome
            futures = [trial.future for trial in running if trial.future is not None]
            wait(futures, timeout=_TICK_S, return_when=FIRST_COMPLETED)
            tell([self._progress(trial) for trial in running])

    def _advanced(self, trial: RunningTrial) -> TrialResult | BoundaryError | None:
        """After its call ended: what the trial came to, or None when it went on to its next call."""
        try:
            if trial.future is not None:
                trial.future.result()
        except BoundaryError as error:
            trial.failures += 1
            if trial.failures >= ATTEMPTS:
                return error
        if self._next_call(trial):
            return None
        result: TrialResult = _read(trial.folder / "result.json", TrialResult)
        return result

    def _progress(self, trial: RunningTrial) -> TrialProgress:
        job = trial.job
        rows = read_curve(self._run, job.program, job.rung, job.seed)
        seen = [row["fitness"] for row in rows if row.get("fitness") is not None]
        steps = int(rows[-1]["steps"] or 0) if rows else 0
        return TrialProgress(
            job.program, job.seed, job.rung, steps, job.steps, seen[-1] if seen else None
        )

    def _prepare(self, order: Train, seed: int) -> RunningTrial:
        program: dict[str, Any] = {}
        if order.program != NATIVE:
            verdict = read_verdict(self._run, order.program)
            program = {
                "source": self._run.program_source(order.program),
                "entries": verdict.entries,
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
            device=self._device,
            **program,
        )
        folder = self._run.trial_folder(order.program, order.rung, seed)
        return RunningTrial(job, folder, job.digest(self._task.digest))

    def _next_call(self, trial: RunningTrial) -> bool:
        """Submit what the trial still owes; False when it is done."""
        if _matches(trial.folder / "result.json", TrialResult, trial.digest):
            return False
        trained = _matches(trial.folder / TRAINED, TrainedReport, trial.digest)
        if not trained:
            shutil.rmtree(trial.folder, ignore_errors=True)
        # Always: the trainer may write in this folder, and what is measured is for the engine to
        # say.
        write_whole(trial.folder / "job.json", trial.job.model_dump_json(indent=1) + "\n")
        call = "evaluate" if trained else "train"
        trial.future = self._executor.submit(
            call, {"folder": str(trial.folder)}, trial.folder / "out.log"
        )
        return True


def trained(trial: RunningTrial, result: TrialResult) -> Trained:
    """The event of a trial that ended."""
    job, finished = trial.job, result.status == "finished"
    solved = result.successes if finished else None
    state = TrialState(
        program=job.program,
        seed=job.seed,
        rung=job.rung,
        status=result.status,
        fitness=float(np.mean(result.fitness)) if finished else None,
        success_rate=float(np.mean(solved)) if solved is not None else None,
        own_return=result.own_return,
        steps=result.steps,
        wall_s=result.wall_s,
        message=result.message,
    )
    return Trained(trial=state, digest=trial.digest)


def _matches(path: Path, kind: type[TrainedReport] | type[TrialResult], digest: str) -> bool:
    """Whether a file of this very trial is there."""
    return path.exists() and _read(path, kind).digest == digest


def _read(path: Path, kind: Any) -> Any:
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise disk_error(path, error) from error
