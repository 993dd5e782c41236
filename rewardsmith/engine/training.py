"""Train orders -> trials. A finished trial is not run again: its result is on disk.

A trial is trained, then evaluated. The trainer says how many trials one training call holds;
all other calls hold one trial. When a call of several trials fails, it is not known which trial
failed: those that are not trained yet are trained again, each in a separate call.
"""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rewardsmith.engine.workers.executor import Call, Executor, Resources, trial_call
from rewardsmith.errors import BoundaryError
from rewardsmith.journal import disk_error
from rewardsmith.program import NATIVE
from rewardsmith.run.events import Trained
from rewardsmith.run.folder import RunFolder, write_whole
from rewardsmith.run.guard import MeasurementGuard
from rewardsmith.run.orders import Rung, Train
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.training_state import has_state
from rewardsmith.run.trials import (
    JOB,
    RESULT,
    TRAINED,
    ExploiterSpec,
    TrainedReport,
    TrialJob,
    TrialProgress,
    TrialResult,
)
from rewardsmith.task.loading import Task
from rewardsmith.task.training import TrainingSpec
from rewardsmith.terms.specs import NATIVE_TERM, TermSpec, added_terms, candidate_id, program_terms
from rewardsmith.terms.term import ProgramFunction
from rewardsmith.train.trainers import TRAINERS, Trainer

_TICK_S = 0.5  # how often progress is shown while waiting
_EVALUATED_TOGETHER = 8  # trials of one call, which share the start of the sandbox
ATTEMPTS = 2  # calls that may fail before a trial is given up; a machine may fail once

Takes = Callable[[Sequence[TrialJob]], int]
"""How many of some trials, from the first on, one training call takes."""


def taken_together(jobs: Sequence[TrialJob]) -> int:
    """How many of these trials, from the first on, the trainer of the first takes in one call."""
    name = jobs[0].trainer
    trainer: Trainer = TRAINERS.get(name)()
    return trainer.takes(list(itertools.takewhile(lambda job: job.trainer == name, jobs)))


@dataclass
class RunningTrial:
    """A trial on its way through training and evaluation.

    Attributes:
        progress: what was last reported of its training.
        failures: calls of this trial alone that failed.
        alone: it must not share a call any more.
        error: what its last call raised.
    """

    job: TrialJob
    folder: Path
    digest: str
    progress: TrialProgress
    failures: int = 0
    alone: bool = False
    error: BoundaryError | None = None

    @property
    def trained(self) -> bool:
        """Whether its training is over."""
        return _matches(self.folder / TRAINED, TrainedReport, self.digest)

    @property
    def outcome(self) -> TrialResult | BoundaryError | None:
        """Its result, or the error that it is given up with; None while it goes on."""
        if self.failures >= ATTEMPTS:
            return self.error
        path = self.folder / RESULT
        if not _matches(path, TrialResult, self.digest):
            return None
        result: TrialResult = _read(path, TrialResult)
        return result


@dataclass(frozen=True)
class _RunningCall:
    """A call that was submitted, and its trials in the order of the call's folders."""

    call: Call
    trials: list[RunningTrial]
    future: Future[None]


class Trainings:
    """Carries out the trials of train orders through an executor.

    Args:
        needs: what each training needs.
        takes: how many trials one training call takes.
        also: the algorithm of the rung ``transfer``.

    What measures fitness must not change meanwhile, see :mod:`rewardsmith.run.guard`.
    """

    def __init__(
        self,
        run: RunFolder,
        task: Task,
        device: str,
        executor: Executor,
        needs: Resources,
        takes: Takes = taken_together,
        also: str | None = None,
    ) -> None:
        self._run = run
        self._task = task
        self._device = device
        self._executor = executor
        self._needs = needs
        self._takes = takes
        self._also = also
        self._guard = MeasurementGuard(run)

    def carry_out(
        self,
        orders: Sequence[Train],
        show: Callable[[Sequence[TrialProgress]], None],
        exploiters: Mapping[str, ExploiterSpec] | None = None,
    ) -> Iterator[tuple[RunningTrial, TrialResult | BoundaryError]]:
        """Run the trials of the orders side by side, as many as the executor takes.

        Args:
            show: called about twice a second with the progress of the running ones.
            exploiters: how the exploiters of a program are trained, on the rung ``exploit``.

        Yields:
            Each trial as it ends: with its result, or with the error of its last attempt, which is
            not the fault of its program.

        Raises:
            UsageError: a training needs more than the executor has.
            RunError: the disk is full, or a file that measures fitness was changed.
        """
        known = exploiters or {}
        going_on = [
            self._prepare(
                order, seed, known.get(order.program) if order.rung == "exploit" else None
            )
            for order in orders
            for seed in order.seeds
        ]
        running: list[_RunningCall] = []
        while going_on or running:
            unfinished = []
            for trial in going_on:
                outcome = trial.outcome
                if outcome is None:
                    unfinished.append(trial)
                else:
                    yield trial, outcome
            running += self._submit(unfinished)
            wait([each.future for each in running], _TICK_S, FIRST_COMPLETED)
            going_on = []
            for ended in [each for each in running if each.future.done()]:
                running.remove(ended)
                _take_error(ended)
                going_on += ended.trials
                self._guard.check()
            show([progress for each in running for progress in self._progress(each)])

    def _submit(self, trials: Sequence[RunningTrial]) -> list[_RunningCall]:
        """Submit the next call of each trial; the trainer decides which trainings share one."""
        trained = [trial for trial in trials if trial.trained]
        untrained = [trial for trial in trials if not trial.trained]
        return [
            *self._in_calls("evaluate", trained, lambda _: _EVALUATED_TOGETHER),
            *self._in_calls("train", untrained, self._takes),
        ]

    def _in_calls(
        self, name: str, trials: Sequence[RunningTrial], takes: Takes
    ) -> list[_RunningCall]:
        """Submit calls that share the trials as evenly as ``takes`` allows."""
        calls = [self._start(name, [trial]) for trial in trials if trial.alone]
        together = [trial for trial in trials if not trial.alone]
        share = math.ceil(len(together) / self._executor.workers)  # no worker may stand idle
        while together:
            count = min(share, takes([trial.job for trial in together]))
            calls.append(self._start(name, together[:count]))
            together = together[count:]
        return calls

    def _start(self, name: str, trials: list[RunningTrial]) -> _RunningCall:
        for trial in trials:
            if name == "train" and not has_state(trial.folder, trial.digest):
                shutil.rmtree(trial.folder, ignore_errors=True)
            else:
                trial.progress = trial.progress._replace(steps=trial.job.steps)
            # Always: the trainer may write in this folder, and the engine decides what is measured.
            write_whole(trial.folder / JOB, trial.job.model_dump_json(indent=1) + "\n")
        folders = [trial.folder for trial in trials]
        call = trial_call(self._run, name, folders, "out.log", self._needs)
        return _RunningCall(call, trials, self._executor.submit(call))

    def _progress(self, running: _RunningCall) -> list[TrialProgress]:
        reported = {trial.key: trial for trial in self._executor.progress(running.call) or ()}
        for trial in running.trials:
            trial.progress = reported.get(trial.job.key, trial.progress)
        return [trial.progress for trial in running.trials]

    def _prepare(self, order: Train, seed: int, exploiter: ExploiterSpec | None) -> RunningTrial:
        reward, q_prior = self._functions(order.program)
        job = TrialJob(
            program=candidate_id(reward, q_prior),
            reward=(*reward, *added_terms(self._task.spec.training.terms)),
            q_prior=q_prior,
            seed=seed,
            rung=order.rung,
            steps=order.steps,
            training=self._training(order.rung),
            evaluation=self._task.spec.evaluation,
            device=self._device,
            exploiter=exploiter,
        )
        folder = self._run.trial_folder(order.program, order.rung, seed)
        return RunningTrial(job, folder, job.digest(self._task.digest), job.progress())

    def _training(self, rung: Rung) -> TrainingSpec:
        training = self._task.spec.training
        if rung != "transfer" or self._also is None:
            return training
        return training.of_algorithm(self._also)

    def _functions(self, program: str) -> tuple[tuple[TermSpec, ...], ProgramFunction | None]:
        """The reward and the prior on Q of a program, or the native reward."""
        if program == NATIVE:
            return (NATIVE_TERM,), None
        checked = self._run.program(program)
        source, verdict = checked.source, checked.verdict
        prior = verdict.entries.get("q_prior")
        q_prior = None if prior is None else ProgramFunction(source=source, entry=prior)
        return program_terms(source, verdict.entries, verdict.style, checked.learned), q_prior


def _take_error(ended: _RunningCall) -> None:
    """Note the error of a call with its trials; one that several shared counts for none of them."""
    try:
        ended.future.result()
    except BoundaryError as error:
        for trial in ended.trials:
            trial.error = error
            trial.alone = True
            trial.failures += len(ended.trials) == 1


def trained(trial: RunningTrial, outcome: TrialResult | BoundaryError) -> Trained:
    """The event of a trial that ended, or that was given up with an error."""
    if isinstance(outcome, BoundaryError):
        program, seed, rung = trial.job.key
        failed = TrialState(
            program=program, seed=seed, rung=rung, status="failed", message=outcome.message
        )
        return Trained(trial=failed)
    return Trained(trial=_state(trial.job, outcome), digest=trial.digest)


def _state(job: TrialJob, result: TrialResult) -> TrialState:
    finished = result.status == "finished"
    solved = result.successes if finished else None
    return TrialState(
        program=job.program,
        seed=job.seed,
        rung=job.rung,
        status=result.status,
        fitness=float(np.mean(result.fitness)) if finished else None,
        success_rate=float(np.mean(solved)) if solved is not None else None,
        own_return=result.own_return,
        validation=float(np.mean(result.validation)) if result.validation else None,
        steps=result.steps,
        wall_s=result.wall_s,
        message=result.message,
        continued=tuple(map(str, result.continued)),
    )


def _matches(path: Path, kind: type[TrainedReport] | type[TrialResult], digest: str) -> bool:
    """Whether the file is there and belongs to this trial."""
    return path.exists() and _read(path, kind).digest == digest


def _read(path: Path, kind: Any) -> Any:
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise disk_error(path, error) from error
