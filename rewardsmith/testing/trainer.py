"""What rewardsmith relies on in a trainer."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from rewardsmith.errors import ProgramError
from rewardsmith.run.curves import read_curve
from rewardsmith.run.trials import (
    CURVE,
    JOB,
    TRAINED,
    TrainedReport,
    TrialJob,
    TrialResult,
    write_json,
)
from rewardsmith.task.loading import Task
from rewardsmith.terms.reward import Reward
from rewardsmith.testing.expectations import expect
from rewardsmith.testing.toy import toy_task
from rewardsmith.train.trainers import Member, RunningFunctions, Trainer
from rewardsmith.types import Array, Columns, Output

if TYPE_CHECKING:
    from rewardsmith.train.vectors import RecordedVecEnv

_LEARNING_LIBRARIES = ("torch", "stable_baselines3", "jax", "tensorflow")
_STEPS = 64


class TrainerContract(ABC):
    """Tests of a trainer, see :class:`rewardsmith.train.trainers.Trainer`; no sandbox is needed.

    Class attributes:
        training: settings of ``[training]`` that it needs, in place of a small PPO.
    """

    training: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def trainer(self) -> Trainer:
        """A new trainer."""

    def test_it_takes_some_of_the_waiting_trials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        trainer = self.trainer()
        for library in _LEARNING_LIBRARIES:
            monkeypatch.setitem(sys.modules, library, None)  # an import of it fails now
        for count in range(1, 6):
            try:
                taken = trainer.takes([self._job(seed) for seed in range(count)])
            except ImportError as error:
                hint = "import learning libraries in train()"
                expect(False, "takes() to import no learning library", error, hint)
            hint = "return how many trials, from the first on, one call holds"
            expect(1 <= taken <= count, f"a number from 1 to {count}", taken, hint)

    def test_it_writes_a_curve_checkpoints_and_a_report(self, tmp_path: Path) -> None:
        for job, folder in self._trained(tmp_path, [_Term(), _Term()]):
            report = self._report(folder)
            own = report.digest == job.digest(self._task.digest)
            hint = "write job.digest(task.digest): a result of another job is not used"
            expect(own, "the digest of the job", report.digest, hint)
            finished = report.status == "finished" and report.steps > 0
            expect(finished, "a finished training", report, "report its status and its steps")
            curve = read_curve(folder / CURVE)
            hint = "write it with rewardsmith.train.curve.TrainingRecord"
            expect(curve, f"rows in {CURVE}", "none", hint)
            ended = sum(row.episodes for row in curve)
            expect(ended, f"episodes in {CURVE}", ended, "count those that ended since a row")
            expect(report.checkpoints, "a checkpoint", "none", "write one with save_state")
            result = self._evaluated(job, folder)
            measured = result.status == "finished" and np.isfinite(result.fitness).all()
            expect(measured, "an evaluation of the checkpoint", result, "see docs/plugins.md")

    def test_a_trial_depends_on_its_seed_and_not_on_its_call(self, tmp_path: Path) -> None:
        together = self._trained(tmp_path / "together", [_Term(), _Term()])
        job, folder = self._trained(tmp_path / "alone", [_Term()])[0]
        alone = _weights(folder / "checkpoints", self._report(folder))
        folders = [where for _, where in together]
        first, second = (_weights(each / "checkpoints", self._report(each)) for each in folders)
        hint = "derive all random numbers of a trial from the seed of its job"
        expect(first == alone, f"the same agent for seed {job.seed} in each call", "others", hint)
        expect(first != second, "another agent for another seed", "the same", hint)

    @pytest.mark.parametrize("step", [0, 5])
    def test_a_program_that_breaks_ends_its_own_training(self, tmp_path: Path, step: int) -> None:
        terms = [_Term(breaks_at=step), _Term()]
        (_, broken), (_, other) = self._trained(tmp_path, terms)
        report = self._report(broken)
        hint = "catch ProgramError of this member, and report its message and line"
        failed = (report.status, report.message, report.line) == ("program_failed", _BROKEN, 3)
        expect(failed, f"program_failed: {_BROKEN} (line 3)", report, hint)
        status = self._report(other).status
        expect(status == "finished", "the other member's training finished", status, hint)

    def test_a_term_observes_each_step_once_before_it_is_valued(self, tmp_path: Path) -> None:
        term = _Term()
        ((_, folder),) = self._trained(tmp_path, [term])
        hint = "put rewardsmith.train.observing.observed below VecReward, and open terms once"
        alternate = term.calls == ["observe", "value"] * (len(term.calls) // 2)
        expect(alternate, "observe and value in turn, once a step", term.calls[:6], hint)
        steps = self._report(folder).steps
        expect(term.rows == steps, f"{steps} observed steps, as reported", term.rows, hint)

    @property
    def _task(self) -> Task:
        return toy_task(dict(self.training))

    def _job(self, seed: int) -> TrialJob:
        spec = self._task.spec
        return TrialJob(
            program="toy",
            seed=seed,
            steps=_STEPS,
            training=spec.training,
            evaluation=spec.evaluation,
            device="cpu",
        )

    def _trained(self, root: Path, terms: Sequence[_Term]) -> list[tuple[TrialJob, Path]]:
        """Train a trial for each of the terms, in as few calls as the trainer takes."""
        trainer, waiting = self.trainer(), list[Member]()
        for seed, term in enumerate(terms):
            folder = root / f"seed-{seed}"
            folder.mkdir(parents=True)
            write_json(folder / JOB, self._job(seed))
            waiting.append(Member(self._job(seed), folder, term.opened))
        members = list(waiting)
        while waiting:
            count = trainer.takes([member.job for member in waiting])
            trainer.train(self._task, waiting[:count])
            waiting = waiting[count:]
        return [(member.job, member.folder) for member in members]

    def _report(self, folder: Path) -> TrainedReport:
        path = folder / TRAINED
        hint = "write a TrainedReport into the folder of each member"
        expect(path.exists(), f"{TRAINED} in the member's folder", "none", hint)
        return TrainedReport.model_validate_json(path.read_text(encoding="utf-8"))

    def _evaluated(self, job: TrialJob, folder: Path) -> TrialResult:
        from rewardsmith.train.evaluation import run_evaluation

        return run_evaluation(self._task, job, folder, _Term().opened)


_BROKEN = "this program is broken on purpose"


class _Term:
    """Rewards steps to the right, counts how it is used, and may break at a step."""

    name = "right"
    arguments = ("position", "next_position")
    ranks = True

    def __init__(self, breaks_at: int | None = None) -> None:
        self.calls: list[str] = []
        self.rows = 0
        self._breaks_at = breaks_at

    def opened(self, venv: RecordedVecEnv) -> RunningFunctions:
        """What a trial is given; a program that breaks at step 0 breaks here."""
        if self._breaks_at == 0:
            raise ProgramError(_BROKEN, line=3)
        return RunningFunctions(Reward([self]))

    def observe(self, columns: Columns, dones: Array) -> None:
        """Count a step."""
        self.calls.append("observe")
        self.rows += len(dones)

    def __call__(self, columns: Columns) -> Output:
        """The distance walked."""
        self.calls.append("value")
        if len(self.calls) == 2 * (self._breaks_at or 0):
            raise ProgramError(_BROKEN, line=3)
        return Output(np.asarray(columns["next_position"] - columns["position"], np.float64))


def _weights(folder: Path, report: TrainedReport) -> dict[str, list[float]]:
    """The weights of the last checkpoint."""
    import torch

    state = torch.load(folder / f"{report.checkpoints[-1]}.pt", weights_only=True)
    return {name: tensor.double().flatten().tolist() for name, tensor in state.items()}
