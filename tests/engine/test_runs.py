"""Whole runs: budgets, outside failures, and results independent of workers and the order of replies."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rewardsmith.api import doctor
from rewardsmith.engine import loop
from rewardsmith.engine.checking import Checker, CheckResult
from rewardsmith.errors import BoundaryError, NoProgram, RunError, UsageError
from rewardsmith.run.events import Checked
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import SlotState
from rewardsmith.run.settings import Budget
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import TrialJob
from rewardsmith.sandbox.report import SandboxReport, sandbox_report
from rewardsmith.task.training import TrainingSpec
from rewardsmith.types import Slot
from tests.support.crash_driver import HEAD, Slots, answer
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import REPLIES, asked_of, design, happened, kinds, recorded, the_run
from tests.support.lineworld import write_task
from tests.support.preflights import preflight
from tests.support.programs import TASKS

STEPS = 256
TRIAL = 256 + 10 * (
    5 * 5 + 3
)  # as the gate estimates it: five rankings of five episodes, three more to measure


@pytest.fixture
def task(tmp_path: Path) -> str:
    return str(write_task(tmp_path / "line"))


# --- A run


def test_a_run_from_recorded_replies(task: str, tmp_path: Path, executor: FakeExecutor) -> None:
    run = design(task, tmp_path, executor=executor)
    state = run.state
    assert (len(state.slots), len(state.programs), len(state.trials)) == (5, 3, 7)
    assert (
        run.best.id == state.ranked()[0]
        and run.best.rung == "report"
        and run.best.native is not None
    )
    assert len(set(executor.calls)) == len(executor.calls) == 14
    assert (run.path / "export" / "reward.py").is_file()
    assert [k for k in kinds(run) if k in ("stopped", "exported")] == ["stopped", "exported"]


def test_resuming_a_finished_run_does_nothing(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    run = design(task, tmp_path, executor=executor)
    before, calls = happened(run), list(executor.calls)
    assert happened(run.resume(executor=executor)) == before
    assert executor.calls == calls
    assert kinds(run)[-2:] == ["resumed", "stopped"]


@pytest.mark.parametrize("file", ["program.py", "findings.json"])
def test_a_program_that_was_changed_after_it_was_checked_is_noticed(
    file: str, task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    run = design(task, tmp_path)
    path = run.folder.program_folder(run.best.id) / file
    path.write_text(path.read_text().replace("position", "velocity") + " ")
    with pytest.raises(RunError, match="changed since it was checked"):
        run.export(tmp_path / "elsewhere", executor=executor)
    assert not (tmp_path / "elsewhere").exists()


def test_a_refused_program_cannot_be_made_good_behind_the_runs_back(tmp_path: Path) -> None:
    """Otherwise the next reply with the same program would be accepted because of the stored verdict."""
    run = RunFolder(tmp_path)
    run.bank.mkdir()
    np.savez(run.bank / "transitions.npz", **TASKS["drive"][1])  # type: ignore[arg-type]
    state, reply = (
        RunState(),
        "```python\nimport numpy as np\ndef reward(position):\n    return np.log(position)\n```",
    )
    checker = Checker(run, preflight(), state, TrainingSpec())

    def checked(slot: Slot) -> CheckResult:
        found = checker.check(slot, reply, "stop", parents=(), reply="x")
        assert found.program is not None
        state.slots[slot] = SlotState(slot)
        event = Checked(
            slot=slot,
            program=found.program.id,
            accepted=found.accepted,
            outcome="code",
            seal=found.seal,
            findings=(),
        )
        event.apply(state)
        return found

    first = checked(Slot(0, 0))
    assert first.program is not None and not first.accepted and not state.programs
    assert checked(Slot(0, 1)) == first._replace(
        program=dataclasses.replace(first.program, slot=Slot(0, 1))
    )
    path = run.program_folder(first.program.id) / "findings.json"
    path.write_text(
        json.dumps({**json.loads(path.read_text()), "stage": "accepted", "findings": []})
    )
    with pytest.raises(RunError, match="changed since it was checked"):
        checked(Slot(1, 0))


def test_the_engine_writes_the_input_of_an_evaluation(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    """A trainer may write another job into its folder, or a link in place of a file."""
    outside = tmp_path / "outside"
    outside.write_text("untouched")

    def meddle(call: str, job: TrialJob) -> None:
        if call == "train":
            folder = the_run(tmp_path).folder.trial_folder(job.program, job.rung, job.seed)
            (folder / "job.json").write_text(job.model_copy(update={"steps": 1}).model_dump_json())
            (folder / ".job.json.tmp").symlink_to(outside)
        else:
            assert job.steps == STEPS

    executor.trouble = meddle
    assert design(task, tmp_path, executor=executor).best
    assert outside.read_text() == "untouched"


def test_a_weak_sandbox_is_refused_before_anything_unless_allowed(
    task: str, tmp_path: Path, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = SandboxReport("weak", ("limits",), ("fork",), 0, "Darwin")
    monkeypatch.setattr(doctor, "sandbox_report", lambda: weak)
    with pytest.raises(BoundaryError, match="only weak"):
        design(task, tmp_path)
    assert not (tmp_path / "runs").exists()
    run = design(task, tmp_path, allow_weak_sandbox=True)
    assert run.folder.manifest()["sandbox"]["level"] == "weak"
    assert run.resume(executor=executor).best.id == run.best.id
    monkeypatch.setattr(doctor, "sandbox_report", sandbox_report)
    strong = design(task, tmp_path, runs=tmp_path / "strong")
    monkeypatch.setattr(doctor, "sandbox_report", lambda: weak)
    with pytest.raises(BoundaryError, match="only weak"):
        strong.resume(executor=executor)


def test_nothing_usable_is_no_program(task: str, tmp_path: Path, executor: FakeExecutor) -> None:
    nothing = [{**reply, "text": "I cannot."} for reply in REPLIES]
    with pytest.raises(NoProgram, match="first reason: RS001"):
        design(task, tmp_path, replies=recorded(nothing), executor=executor)
    assert executor.calls == []


# --- Neither the order of replies nor the number of workers


@pytest.mark.parametrize("late", [(0, 0), (0, 1), (1, 0)])
def test_the_order_of_replies_changes_nothing(
    task: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    late: tuple[int, int],
) -> None:
    """The same program twice in a round, with other comments: the first sample's text is kept, whichever came first."""
    Slots().install(monkeypatch.setattr)
    texts = {
        (r, s): HEAD + f"(position):  # by {r}.{s}\n    return {{'place': position * {r + 1}}}\n```"
        for r in (0, 1)
        for s in (0, 1)
    }
    arrived = [threading.Event(), threading.Event()]

    def answered(body: dict[str, Any]) -> str:
        number, sample, _ = body["slot"]
        if (number, sample) == late:
            arrived[number].wait(20)
        text = texts[number, sample]
        threading.Timer(0.3, arrived[number].set).start()
        return text

    with FakeLLM(answered) as fake:
        delayed = happened(asked_of(fake, task, tmp_path / "late"))
    straight = [{"round": r, "sample": s, "text": text} for (r, s), text in texts.items()]
    plain = happened(design(task, tmp_path / "straight", replies=recorded(straight)))
    first_lines = {source.splitlines()[3] for _, source in delayed["programs"].values()}
    assert first_lines == {"def reward(position):  # by 0.0", "def reward(position):  # by 1.0"}
    for part in ("trials", "programs", "ranked"):
        assert delayed[part] == plain[part]


def test_the_order_of_replies_changes_no_request(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Slots().install(monkeypatch.setattr)

    def run(folder: str, late: int) -> tuple[dict[str, Any], list[Any]]:
        first = {0: threading.Event(), 1: threading.Event()}

        def answered(body: dict[str, Any]) -> str:
            number, sample, attempt = body["slot"]
            if attempt == 0 and sample == late:
                first[number].wait(20)
            elif attempt == 0:
                threading.Timer(0.3, first[number].set).start()
            return answer(body)

        with FakeLLM(answered) as fake:
            found = happened(asked_of(fake, task, tmp_path / folder))
            return found, sorted(
                json.dumps(request["body"], sort_keys=True) for request in fake.requests
            )

    assert run("zero late", 0) == run("one late", 1)


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(task: str, tmp_path: Path) -> None:
    one = design(task, tmp_path / "one", workers=1)
    two = design(task, tmp_path / "two", workers=2)
    assert happened(one) == happened(two)


# --- Budgets


def test_too_small_a_step_budget_is_refused_before_anything(task: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot pay for one training"):
        design(task, tmp_path, budget=Budget(steps=5 * STEPS - 1))
    assert not (tmp_path / "runs").exists()


def test_no_program_is_bought_that_cannot_be_trained(task: str, tmp_path: Path) -> None:
    with pytest.raises(NoProgram, match=r"budget of 1,280 steps"):
        design(task, tmp_path, budget=Budget(steps=5 * STEPS))  # evaluation is charged too
    assert the_run(tmp_path).state.requests == 0


def test_steps_are_kept_back_for_the_report(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    limit = (
        160 + 6 * TRIAL + TRIAL // 2
    )  # untaught behaviour, two trainings and the report fit, and no further one
    run = design(task, tmp_path, budget=Budget(steps=limit))
    state = run.state
    assert sum(key[2] == "selection" for key in state.trials) == 2
    assert sum(key[2] == "report" for key in state.trials) == 4
    assert state.steps <= limit and state.requests == 3
    assert state.stopped is not None and "steps" in state.stopped
    raised, free = (
        happened(run.resume(budget={"steps": 10 * limit}, executor=executor)),
        happened(design(task, tmp_path / "free")),
    )
    unreported = {key for key in free["trials"] if key[2] != "report"}
    assert raised["trials"].keys() >= unreported
    assert len(run.state.looks) == 2  # one before the budget was raised
    assert (raised["slots"], raised["ranked"]) == (free["slots"], free["ranked"])


def test_minutes_stop_only_between_rounds(
    task: str, tmp_path: Path, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(step=0.6)
    monkeypatch.setattr(
        loop, "time", SimpleNamespace(monotonic=lambda: next(ticks))
    )  # every wave takes 0.6 s
    run = design(
        task, tmp_path, budget=Budget(minutes=0.011)
    )  # over in the second of the first round's three waves
    state = run.state
    assert state.stopped is not None and "minutes" in state.stopped
    assert set(state.slots) == {(0, 0, 0), (0, 1, 0), (0, 1, 1)}
    assert len(state.ranked()) == 2
    assert len(run.resume(budget={"minutes": 1.0}, executor=executor).state.slots) == 5


# --- Failures outside


def test_a_hiccup_is_tried_again(task: str, tmp_path: Path, executor: FakeExecutor) -> None:
    undisturbed = happened(design(task, tmp_path / "undisturbed", executor=executor))
    executor.trouble = fail_times(1)
    assert happened(design(task, tmp_path / "hiccup", executor=executor)) == undisturbed


def test_when_everything_fails_the_run_ends_and_can_be_resumed(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    undisturbed = happened(design(task, tmp_path / "undisturbed", executor=executor))
    executor.trouble = fail_times(3)  # beside others, and twice alone
    with pytest.raises(BoundaryError, match="no memory"):
        design(task, tmp_path / "failing", executor=executor)
    failed = the_run(tmp_path / "failing")
    assert {trial.status for trial in failed.state.trials.values()} == {"failed"}
    executor.trouble = fail_times(0)
    assert happened(failed.resume(executor=executor)) == undisturbed


def test_one_failure_does_not_hold_up_the_others(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    def trouble(call: str, job: TrialJob) -> None:
        if "-position" in job.reward[0].model_dump_json():
            raise BoundaryError("not a number in the policy", where="trainer")

    executor.trouble = trouble
    run = design(task, tmp_path, executor=executor)
    assert len(run.state.ranked()) == 2
    assert sum(trial.status == "failed" for trial in run.state.trials.values()) == 1
    assert not any("not a number" in line for line in run.folder.llm_log.read_text().splitlines())


def test_a_lost_machine_ends_the_run_before_more_is_bought(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    def trouble(call: str, job: TrialJob) -> None:
        if "-position" in job.reward[0].model_dump_json():
            raise BoundaryError("the worker server ended", where="trainer", retryable=True)

    undisturbed = happened(design(task, tmp_path / "undisturbed", executor=executor))
    executor.trouble = trouble
    with pytest.raises(BoundaryError, match="server ended"):
        design(task, tmp_path / "lost", executor=executor)
    lost = the_run(tmp_path / "lost")
    assert lost.state.requests == 3
    executor.trouble = fail_times(0)
    assert happened(lost.resume(executor=executor)) == undisturbed


def test_a_provider_that_fails_keeps_what_the_others_answered(
    task: str, tmp_path: Path, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    Slots().install(monkeypatch.setattr)
    with FakeLLM(answer, faults=["", "401:bad key"]) as fake:
        with pytest.raises(BoundaryError, match="bad key"):
            asked_of(fake, task, tmp_path)
        run = the_run(tmp_path)
        assert run.state.requests == 1
        assert len(run.resume(executor=executor).state.slots) == 5
        assert len(fake.requests) == 6  # one more than the run needs


def fail_times(count: int) -> Any:
    """Each training fails this many times, and then succeeds."""
    failures: Counter[tuple[str, int, str]] = Counter()

    def trouble(call: str, job: TrialJob) -> None:
        key = (job.program, job.seed, job.rung)
        if call == "train" and failures[key] < count:
            failures[key] += 1
            raise BoundaryError("no memory", where="trainer")

    return trouble
