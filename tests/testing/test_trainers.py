"""The built-in trainer keeps the contract of a trainer, and broken ones fail it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rewardsmith.run.trials import TRAINED, TrialJob
from rewardsmith.task.loading import Task
from rewardsmith.testing import TrainerContract
from rewardsmith.train.fast import AutoTrainer, FastTrainer
from rewardsmith.train.sb3 import Sb3Trainer
from rewardsmith.train.trainers import Member
from tests.support.contracts import failure


class TestSb3(TrainerContract):
    def trainer(self) -> Sb3Trainer:
        return Sb3Trainer()


class TestFast(TrainerContract):
    def trainer(self) -> FastTrainer:
        return FastTrainer()


class TestAutoWithAnotherAlgorithm(TrainerContract):
    """What members cannot train, Stable-Baselines3 does."""

    training: ClassVar[Mapping[str, Any]] = {
        "algorithm": "A2C",
        "hyperparameters": {"n_steps": 16},
    }

    def trainer(self) -> AutoTrainer:
        return AutoTrainer()


class TakesTooMany(Sb3Trainer):
    def takes(self, jobs: Sequence[TrialJob]) -> int:
        return len(jobs) + 1


class ImportsEarly(Sb3Trainer):
    def takes(self, jobs: Sequence[TrialJob]) -> int:
        import torch

        return int(torch.ones(1).item())


class Silent(Sb3Trainer):
    """It leaves no report."""

    def train(self, task: Task, members: Sequence[Member]) -> None:
        super().train(task, members)
        for member in members:
            (member.folder / TRAINED).unlink()


class Curveless(Sb3Trainer):
    def train(self, task: Task, members: Sequence[Member]) -> None:
        super().train(task, members)
        for member in members:
            (member.folder / "curve.csv").unlink()


class Seedless(Sb3Trainer):
    """Each trial is trained with the same seed."""

    def train(self, task: Task, members: Sequence[Member]) -> None:
        same = [one._replace(job=one.job.model_copy(update={"seed": 0})) for one in members]
        super().train(task, same)


class AllOrNothing(Sb3Trainer):
    """A program that breaks leaves no agent in its call, and is reported for all."""

    def takes(self, jobs: Sequence[TrialJob]) -> int:
        return len(jobs)

    def train(self, task: Task, members: Sequence[Member]) -> None:
        super().train(task, members)
        reports = [member.folder / TRAINED for member in members]
        failed = [report for report in reports if "program_failed" in report.read_text()]
        for report in reports if failed else ():
            report.write_text(failed[0].read_text())


class Twice(Sb3Trainer):
    """Terms observe each step twice."""

    def train(self, task: Task, members: Sequence[Member]) -> None:
        def opened(member: Member) -> Any:
            def functions(venv: Any) -> Any:
                found = member.open_functions(venv)
                (term,) = found.reward.terms
                once = term.observe
                term.observe = lambda *step: (once(*step), once(*step))
                return found

            return functions

        super().train(task, [member._replace(open_functions=opened(member)) for member in members])


class Broken(TrainerContract):
    def __init__(self, trainer: Sb3Trainer) -> None:
        self._trainer = trainer

    def trainer(self) -> Sb3Trainer:
        return self._trainer


@pytest.mark.parametrize(
    ("trainer", "test", "fixtures", "message"),
    [
        (Silent(), "it_writes_a_curve_checkpoints_and_a_report", (), "trained.json in the"),
        (Curveless(), "it_writes_a_curve_checkpoints_and_a_report", (), "rows in curve.csv"),
        (Seedless(), "a_trial_depends_on_its_seed_and_not_on_its_call", (), "another seed"),
        (AllOrNothing(), "a_program_that_breaks_ends_its_own_training", (5,), "other member's"),
        (Twice(), "a_term_observes_each_step_once_before_it_is_valued", (), "once a step"),
    ],
)
def test_a_broken_trainer_fails(
    trainer: Sb3Trainer, test: str, fixtures: tuple[Any, ...], message: str, tmp_path: Path
) -> None:
    failure(Broken(trainer), test, tmp_path, *fixtures, match=message)


def test_a_trainer_that_takes_the_wrong_trials_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    test = "it_takes_some_of_the_waiting_trials"
    failure(Broken(TakesTooMany()), test, monkeypatch, match="a number from 1 to 1")
    failure(Broken(ImportsEarly()), test, monkeypatch, match="no learning library, found .*torch")
