"""A policy that sees a picture, and programs that read what comes with each step only."""

from __future__ import annotations

from pathlib import Path

import pytest

import rewardsmith as rs
from rewardsmith.api import runs as api
from rewardsmith.api.programs import CheckedProgram
from rewardsmith.errors import UsageError
from rewardsmith.task.loading import Task
from rewardsmith.train.preflight import run_preflight
from tests.cases.envs.line import Camera
from tests.support.cases import checked, new_task, same_in_the_export
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import recorded
from tests.support.trials import trial

NEAR = "def reward(next_distance):\n    return {'near': -next_distance}\n"


def quick(text: str) -> str:
    """A training of seconds."""
    head = text.partition("[training.hyperparameters]")[0].replace("n_envs = 16", "n_envs = 2")
    return head + "[training.hyperparameters]\nn_steps = 16\nbatch_size = 32\nn_epochs = 1\n"


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return new_task("line.py:Camera", tmp_path, quick)[0]


def test_programs_read_info_after_a_step(task: Task) -> None:
    assert task.spec.training.policy == "CnnPolicy"
    assert [(field.name, field.at_reset) for field in task.spec.fields] == [("distance", False)]
    checked(NEAR, task)


def test_it_is_trained_and_exported(task: Task, tmp_path: Path) -> None:
    report, result = trial(tmp_path / "trial", task, NEAR, steps=64)
    assert (report.status, result.status) == ("finished", "finished")
    program: CheckedProgram = checked(NEAR, task)
    actions = [[1.0], [-1.0], [0.5]]
    same_in_the_export(program, task, Camera(), tmp_path / "reward.py", actions)


def test_a_bank_without_states(task: Task) -> None:
    """No distance and no loop is measured, and the check says why."""
    found = rs.check(NEAR, task)
    assert found.appraisal is not None
    quality = found.appraisal.quality
    assert quality.tau is not None and quality.from_native is None and quality.shaping is None
    assert "no field is known at reset" in quality.unsaid[0]


@pytest.mark.parametrize("strategy", ["eureka", "evolve", "text2reward"])
def test_a_whole_run_and_its_report(strategy: str, task: Task, tmp_path: Path) -> None:
    """All that reads the bank: screening, audits, feedback, report, and the run resumed."""
    sources = [NEAR, NEAR.replace("-next", "-2.0 * next"), NEAR.replace("-next", "next")]
    replies = [
        {"round": r, "sample": s, "attempt": 0, "text": f"```python\n{sources[(r + s) % 3]}```"}
        for r in range(3)
        for s in range(2)
    ]
    options = {"rounds": 2, "samples": 2, "seeds": 1, "repairs": 0}
    run = api.design(
        task,
        strategy=strategy,
        replies=recorded(replies),
        options={k: v for k, v in options.items() if strategy != "text2reward" or k != "samples"},
        report_seeds=2,
        runs=tmp_path / "runs",
        executor=FakeExecutor(),
    )
    assert run.best is not None
    assert "distance" in run.report().read_text(encoding="utf-8")
    assert run.resume(executor=FakeExecutor()).best == run.best


def test_a_small_picture_is_seen_as_numbers(tmp_path: Path) -> None:
    task, _ = new_task("line.py:SmallCamera", tmp_path, quick)
    assert task.spec.training.policy == "MlpPolicy"
    run_preflight(task, tmp_path / "preflight")
    convolved = task.with_training({"policy": "CnnPolicy"})
    with pytest.raises(UsageError, match="no picture of at least 36 x 36") as caught:
        run_preflight(convolved, tmp_path / "other")
    assert 'policy = "MlpPolicy"' in caught.value.hint
