"""Trials that are trained together off-policy: the same as alone, each with its own end."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rewardsmith.engine.workers.opening import running_functions
from rewardsmith.errors import BoundaryError
from rewardsmith.program import EntryPoint
from rewardsmith.run.trials import TrainedReport, TrialJob
from rewardsmith.sandbox.limits import Limits
from rewardsmith.task.loading import Task
from rewardsmith.task.training import PriorSpec
from rewardsmith.terms.term import ProgramFunction
from rewardsmith.testing import TrainerContract
from rewardsmith.train.evaluation import run_evaluation
from rewardsmith.train.fast import AutoTrainer, FastTrainer
from rewardsmith.train.group import train_group
from rewardsmith.train.members.weights import NotHere
from rewardsmith.train.trainers import Member
from tests.support.trials import MATCH, OFF_POLICY, PPO, job_for, toy_task

BOX = MATCH.replace("(action > 0)", "(action[:, 0] > 0)")
CONTINUOUS = {"env_kwargs": {"continuous": True}}
STEPS = 96


def task_of(algorithm: str, **hyperparameters: Any) -> Task:
    more: dict[str, Any] = {} if algorithm in ("DQN", "PPO") else CONTINUOUS
    settings = {**(PPO if algorithm == "PPO" else OFF_POLICY), **hyperparameters}
    return toy_task(algorithm=algorithm, hyperparameters=settings, trainer="fast", **more)


PRIORS = {
    "DQN": "def q_prior(obs):\n    return 4 * np.stack([-obs[:, 0], obs[:, 0]], axis=1)\n",
    "PPO": "def q_prior(obs):\n    return 4 * np.stack([-obs[:, 0], obs[:, 0]], axis=1)\n",
}
OF_ACTION = "def q_prior(obs, action):\n    return 4 * obs[:, 0] * action[:, 0]\n"


def task_with_prior(algorithm: str, mode: str) -> Task:
    """The task with a prior that is tested for half of the training, or filled in at once."""
    spec = {"mode": mode, "prove": 0.5 if mode == "anneal" else 0.0, "until": 0.8}
    task = task_of(algorithm)
    shaping = task.spec.training.shaping.model_copy(update={"prior": PriorSpec(**spec)})
    return task.with_training({"shaping": shaping.model_dump()})


def with_prior(job: TrialJob, source: str | None = None) -> TrialJob:
    """The same job with a prior that is right, or this one."""
    source = source or PRIORS.get(job.training.algorithm, OF_ACTION)
    arguments = ("obs",) if "(obs)" in source else ("obs", "action")
    entry = EntryPoint("q_prior", arguments, "q_prior")
    prior = ProgramFunction(source="import numpy as np\n" + source, entry=entry)
    return job.model_copy(update={"q_prior": prior})


def source_of(algorithm: str) -> str:
    return MATCH if algorithm in ("DQN", "PPO") else BOX


def together(task: Task, jobs: dict[Path, TrialJob]) -> dict[Path, TrainedReport]:
    """Train in one call; what each reports."""
    torch.set_num_threads(1)
    with ExitStack() as stack:
        members = []
        for folder, job in jobs.items():
            folder.mkdir(parents=True)
            functions = stack.enter_context(running_functions(task, job, Limits()))
            members.append(Member(job, folder, functions))
        train_group(task, members)
    return {
        folder: TrainedReport.model_validate_json((folder / "trained.json").read_text())
        for folder in jobs
    }


def state(folder: Path) -> dict[str, bytes]:
    """Weights and statistics of all checkpoints, and the curve but for its times."""
    found: dict[str, bytes] = {}
    for file in sorted((folder / "checkpoints").glob("*.pt")):
        weights = torch.load(file, weights_only=True)
        found |= {f"{file.name} {key}": value.numpy().tobytes() for key, value in weights.items()}
        with np.load(file.with_suffix(".npz")) as arrays:
            found |= {f"{file.name} {name}": arrays[name].tobytes() for name in arrays.files}
    with (folder / "curve.csv").open() as lines:
        rows = [{**row, "wall_s": ""} for row in csv.DictReader(lines)]
    assert int(rows[-1]["steps"]) <= STEPS
    return found | {"curve": repr(rows).encode()}


@pytest.mark.parametrize("mode", ["no prior", "anneal", "prefill"])
@pytest.mark.parametrize("algorithm", ["SAC", "TD3", "DDPG", "DQN"])
def test_a_trial_is_the_same_alone_and_beside_others(
    algorithm: str, mode: str, tmp_path: Path
) -> None:
    """The first of three has no prior on Q."""
    task = task_of(algorithm) if mode == "no prior" else task_with_prior(algorithm, mode)
    jobs = {
        tmp_path / str(seed): job_for(task, source_of(algorithm), seed=seed, steps=STEPS)
        for seed in (1, 2, 3)
    }
    if mode != "no prior":
        for seed in (2, 3):
            jobs[tmp_path / str(seed)] = with_prior(jobs[tmp_path / str(seed)])
    reports = together(task, jobs)
    alone = tmp_path / "alone"
    together(task, {alone: jobs[tmp_path / "2"]})
    assert state(tmp_path / "2") == state(alone)
    assert state(tmp_path / "1") != state(alone)
    for folder, report in reports.items():
        assert (report.status, report.steps) == ("finished", STEPS)
        assert len(report.checkpoints) == 5 and report.checkpoints[-1] == f"{STEPS:09d}"
        is_tested = jobs[folder].q_prior is not None and mode == "anneal"
        assert (report.prior is not None) == is_tested
    with running_functions(task, jobs[tmp_path / "2"], Limits()) as functions:
        result = run_evaluation(task, jobs[tmp_path / "2"], alone, functions)
    assert result.status == "finished" and len(result.fitness) == 3


@pytest.mark.parametrize("algorithm", ["SAC", "DQN", "PPO"])
def test_a_program_that_breaks_ends_its_own_training(algorithm: str, tmp_path: Path) -> None:
    """It breaks in a vector step that the other agent finishes."""
    task = task_of(algorithm)
    breaks = "def reward(obs, action):\n    if (obs[:, 0] > 0.9).any():\n        return np.nope\n    return 0 * obs[:, 0]\n"
    bad, good = tmp_path / "bad", tmp_path / "good"
    job = job_for(task, source_of(algorithm), seed=2, steps=STEPS)
    reports = together(task, {bad: job_for(task, breaks, seed=1, steps=STEPS), good: job})
    assert reports[bad].status == "program_failed" and "nope" in reports[bad].message
    assert reports[bad].line == 4 and reports[bad].steps < STEPS
    assert (reports[good].status, reports[good].steps) == ("finished", STEPS)
    alone = tmp_path / "alone"
    together(task, {alone: job})
    assert state(good) == state(alone)


def test_weights_that_are_no_longer_finite_are_said_to_be_so(tmp_path: Path) -> None:
    task = task_of("DQN", learning_rate=1e30)
    job = job_for(task, MATCH, steps=STEPS)
    with np.errstate(all="ignore"), pytest.raises(BoundaryError, match="no longer finite"):
        together(task, {tmp_path / "t": job})


def test_trials_with_and_without_a_prior_on_q_share_a_call() -> None:
    job = job_for(task_of("DQN"))
    assert FastTrainer().takes([with_prior(job), job] * 9) == 8


def test_ppo_has_no_q_that_a_prior_could_shape(tmp_path: Path) -> None:
    task = task_of("PPO")
    job = with_prior(job_for(task))
    with pytest.raises(NotHere, match="no Q"):
        train_group(task, [Member(job, tmp_path, lambda base: pytest.fail("opened"))])


@pytest.mark.parametrize("broken", ["return 1 / (obs[:, 0] * 0)", "return np.nope"])
def test_a_prior_that_breaks_ends_its_own_training(broken: str, tmp_path: Path) -> None:
    task = task_with_prior("SAC", "anneal")
    bad, good, alone = tmp_path / "bad", tmp_path / "good", tmp_path / "alone"
    source = f"def q_prior(obs, action):\n    {broken}\n"
    job = with_prior(job_for(task, BOX, seed=2, steps=STEPS))
    reports = together(
        task, {bad: with_prior(job_for(task, BOX, seed=1, steps=STEPS), source), good: job}
    )
    assert reports[bad].status == "program_failed" and reports[bad].steps == 0
    assert reports[good].status == "finished"
    together(task, {alone: job})
    assert state(good) == state(alone)


def test_algorithms_that_are_not_in_numpy_are_left_to_stable_baselines3(tmp_path: Path) -> None:
    task = toy_task(algorithm="A2C", hyperparameters={"n_steps": 8}, trainer="auto")
    job = job_for(task, MATCH, steps=32)
    with running_functions(task, job, Limits()) as functions:
        member = Member(job, tmp_path, functions)
        with pytest.raises(NotHere, match="A2C"):
            train_group(task, [member])
        AutoTrainer().train(task, [member])
    assert '"finished"' in (tmp_path / "trained.json").read_text()


@pytest.mark.parametrize(
    ("algorithm", "most"), [("SAC", 4), ("TD3", 4), ("DDPG", 4), ("DQN", 8), ("A2C", 1)]
)
def test_how_many_trials_one_call_takes(algorithm: str, most: int) -> None:
    settings = {} if algorithm == "A2C" else OFF_POLICY
    task = toy_task(algorithm=algorithm, hyperparameters=settings)
    jobs = [job_for(task, seed=seed) for seed in range(9)]
    assert FastTrainer().takes(jobs) == most
    assert FastTrainer().takes([*jobs[:2], job_for(task, steps=7)]) == min(2, most)


class TestFastWithPpo(TrainerContract):
    def trainer(self) -> FastTrainer:
        return FastTrainer()


class TestFastWithDqn(TestFastWithPpo):
    training = {"algorithm": "DQN", "hyperparameters": OFF_POLICY}  # noqa: RUF012
