"""Train results and runs of one task side by side, with equal and with unequal budgets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rewardsmith as rs
from rewardsmith.cli.runs import status
from rewardsmith.errors import BoundaryError, NoProgram, UsageError
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.trials import TrialJob
from rewardsmith.task.loading import load_task
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design
from tests.support.lineworld import write_task

SOURCE = "def reward(next_position):\n    return next_position\n"
OTHER = "def reward(next_position):\n    return 2.0 * next_position ** 3\n"


@pytest.fixture
def line(tmp_path: Path) -> str:
    return str(write_task(tmp_path / "line"))


def train(task: Any, tmp_path: Path, source: str = SOURCE, **settings: Any) -> rs.TrainResult:
    given: dict[str, Any] = {"executor": FakeExecutor(), "runs": tmp_path / "runs", "seeds": 2}
    return rs.train_program(source, task, **{**given, **settings})


def only_seed(wanted: int) -> FakeExecutor:
    def trouble(call: str, job: TrialJob) -> None:
        if job.seed != wanted:
            raise BoundaryError("the machine failed", where="trainer")

    return FakeExecutor(trouble=trouble)


def test_a_result_is_read_again(line: str, tmp_path: Path) -> None:
    result = train(line, tmp_path, native=True)
    again = rs.load_training("last", tmp_path / "runs")
    assert again == result == rs.load_training(result.folder)
    assert sorted(result.fitness) == sorted(result.native_fitness) == [0, 1]
    assert result.steps == 256 and result.policy is not None and result.native is not None


def test_a_failed_training_is_kept_and_leaves_no_score(line: str, tmp_path: Path) -> None:
    result = train(line, tmp_path, executor=only_seed(1))
    assert (result.score, [*result.fitness]) == (None, [1])
    assert result.failures == ("the machine failed",)
    assert rs.load_training(result.folder) == result
    folder = RunFolder(result.folder)
    assert status(folder, fold(folder.events())) == "failed"
    with pytest.raises(NoProgram, match="no program with a score") as caught:
        result.compare(train(line, tmp_path))
    assert "the machine failed" in caught.value.hint


def test_an_interrupted_training_has_no_score(line: str, tmp_path: Path) -> None:
    result = train(line, tmp_path)
    log = result.folder / "events.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    last = max(number for number, text in enumerate(lines) if '"trained"' in text)
    log.write_text("".join(lines[:last]))
    folder = RunFolder(result.folder)
    assert status(folder, fold(folder.events())) == "interrupted"
    again = rs.load_training(result.folder)
    assert again.score is None and len(again.fitness) == 1


def test_a_run_is_no_train_result_and_the_reverse(line: str, tmp_path: Path) -> None:
    run, result = design(line, tmp_path), train(line, tmp_path)
    with pytest.raises(UsageError, match="is a run"):
        rs.load_training(run.path)
    with pytest.raises(UsageError, match="expected a run"):
        rs.load_run(result.folder)
    assert rs.load_run("last", tmp_path / "runs").path == run.path


def test_train_results_are_paired_by_seed(line: str, tmp_path: Path) -> None:
    one, other = train(line, tmp_path, seeds=3), train(line, tmp_path, OTHER)
    first, second = one.compare(other)
    assert (first.difference, first.proof, first.note) == (None, "", "")
    assert (first.kind, first.rung, first.training_steps) == ("train", "selection", 256)
    found = second.difference
    assert found is not None and found.paired and found.n == 2
    shared = [other.fitness[seed] - one.fitness[seed] for seed in (0, 1)]
    assert found.mean == pytest.approx(sum(shared) / 2)
    assert (second.apart, second.apart_epic, second.note) == (None, None, "")


def test_a_run_and_a_train_result_share_no_seeds(line: str, tmp_path: Path) -> None:
    run, result = design(line, tmp_path), train(line, tmp_path, seeds=3)
    for rows in (run.compare(result), result.compare(run)):
        found = rows[1].difference
        assert found is not None and not found.paired and found.n == 2
        assert found.mean == pytest.approx(rows[1].fitness.mean - rows[0].fitness.mean)
        assert "on different seeds" in rows[1].proof
        assert rows[1].apart is not None, "on the recorded episodes of the run"


def test_a_run_without_a_report_has_no_final_score(line: str, tmp_path: Path) -> None:
    run = design(line, tmp_path, report_seeds=0)
    row = train(line, tmp_path).compare(run)[1]
    assert (row.difference, row.proof) == (None, "not measured: a run has no report")


def test_different_budgets_are_compared_and_named(line: str, tmp_path: Path) -> None:
    run, longer = design(line, tmp_path), train(line, tmp_path, steps=1024)
    rows = run.compare(design(line, tmp_path, steps=512), longer)
    assert [row.training_steps for row in rows] == [256, 512, 1024]
    assert "256" in rows[1].note and "512" in rows[1].note and "1,024" in rows[2].note
    assert all("step budgets differ" in row.note for row in rows[1:])


def test_different_training_settings_are_named(line: str, tmp_path: Path) -> None:
    task = load_task(line)
    changed = task.with_training({"steps": 512, "n_envs": 4, "hyperparameters": {"n_steps": 8}})
    row = train(task, tmp_path).compare(train(changed, tmp_path))[1]
    assert "step budgets differ" in row.note
    assert "differ: n_envs, hyperparameters" in row.note


def test_fitness_that_is_measured_otherwise_is_not_compared(line: str, tmp_path: Path) -> None:
    task = load_task(line)
    words = replace(task, spec=task.spec.model_copy(update={"goal": "Walk to 1."}))
    train(task, tmp_path).compare(train(words, tmp_path))
    evaluation = task.spec.evaluation.model_copy(update={"episodes": 7})
    other = replace(task, spec=task.spec.model_copy(update={"evaluation": evaluation}))
    with pytest.raises(UsageError, match="different tasks, or of versions"):
        train(task, tmp_path).compare(train(other, tmp_path))
