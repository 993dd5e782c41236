"""A trainer that takes two trials per call: results per trial, and what a failed call costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.engine.workers.executor import Call
from rewardsmith.errors import BoundaryError
from rewardsmith.run.trials import TrialJob
from rewardsmith.train.trainers import TRAINERS
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design
from tests.support.lineworld import write_task


class Pairs:
    """Takes two trials per call; the executor of these tests trains in its place."""

    def takes(self, jobs: Sequence[TrialJob]) -> int:
        return min(2, len(jobs))


class Calls:
    """Records the trials of every submitted call."""

    def __init__(self, executor: FakeExecutor) -> None:
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self._submit = executor.submit

    def __call__(self, call: Call) -> Any:
        self.calls.append((call.name, call.writes))
        return self._submit(call)

    def sizes(self, name: str) -> list[int]:
        return [len(writes) for kind, writes in self.calls if kind == name]


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    known = TRAINERS.get
    monkeypatch.setattr(TRAINERS, "get", lambda name: Pairs if name == "pairs" else known(name))
    return task_with(tmp_path / "line", "pairs")


def task_with(folder: Path, trainer: str) -> str:
    write_task(folder)
    text = (folder / "task.toml").read_text()
    changed = text.replace('algorithm = "PPO"', f'algorithm = "PPO"\ntrainer = "{trainer}"')
    (folder / "task.toml").write_text(changed)
    return str(folder)


@pytest.fixture
def calls(executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch) -> Calls:
    noted = Calls(executor)
    monkeypatch.setattr(executor, "submit", noted)
    return noted


def fitness(run: Any) -> dict[Any, float | None]:
    return {key: trial.fitness for key, trial in run.state.trials.items()}


def test_each_trial_of_a_shared_call_has_its_own_result(
    task: str, tmp_path: Path, executor: FakeExecutor, calls: Calls
) -> None:
    single = task_with(tmp_path / "alone" / "line", "sb3")
    alone = design(single, tmp_path / "alone", executor=executor)
    assert set(calls.sizes("train")) == {1}
    calls.calls.clear()
    shared = design(task, tmp_path, executor=executor)
    assert max(calls.sizes("train")) == 2 and sum(calls.sizes("train")) == 7
    assert max(calls.sizes("evaluate")) == 4 and sum(calls.sizes("evaluate")) == 7
    assert fitness(shared) == fitness(alone) and len(set(fitness(shared).values())) > 3


def test_no_call_holds_so_many_trials_that_a_worker_is_idle(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search trains three programs at a time, and the report four agents."""
    busy = FakeExecutor(workers=4)
    calls = Calls(busy)
    monkeypatch.setattr(busy, "submit", calls)
    design(task, tmp_path, executor=busy)
    assert set(calls.sizes("train")) == {1}


def test_the_trials_of_a_failed_call_are_trained_again_each_alone(
    task: str, tmp_path: Path, executor: FakeExecutor, calls: Calls
) -> None:
    undisturbed = fitness(design(task, tmp_path / "undisturbed", executor=executor))
    calls.calls.clear()

    def trouble(name: str, job: TrialJob) -> None:
        if name == "train" and len(calls.calls[-1][1]) == 2:
            raise BoundaryError("the process was killed", where="trainer")

    executor.trouble = trouble
    run = design(task, tmp_path / "failing", executor=executor)
    trained = [writes for name, writes in calls.calls if name == "train"]
    pairs = [writes for writes in trained if len(writes) == 2]
    assert pairs
    for pair in pairs:
        assert all(trained.count((trial,)) == 1 for trial in pair)
    assert fitness(run) == undisturbed
    assert {trial.status for trial in run.state.trials.values()} == {"finished"}


def test_a_trial_that_fails_alone_too_is_given_up_and_its_partner_is_not(
    task: str, tmp_path: Path, executor: FakeExecutor, calls: Calls
) -> None:
    def trouble(name: str, job: TrialJob) -> None:
        if name == "train" and "-position" in job.reward[0].model_dump_json():
            raise BoundaryError("not a number in the policy", where="trainer")

    executor.trouble = trouble
    run = design(task, tmp_path, executor=executor)
    (failed,) = (trial for trial in run.state.trials.values() if trial.status == "failed")
    trained = [writes for name, writes in calls.calls if name == "train"]
    attempts = [writes for writes in trained if any(failed.program in each for each in writes)]
    assert [len(writes) for writes in attempts] == [2, 1, 1]
    (partner,) = (each for each in attempts[0] if failed.program not in each)
    assert sum(partner in writes for writes in trained) == 1, "its training was over and is kept"
    assert len(run.state.ranked()) == 2
