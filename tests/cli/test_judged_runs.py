"""What commands say of runs in which judges compare: without a fitness, and without a writer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import rewardsmith as rs
from rewardsmith.api.report.page import report_run
from rewardsmith.errors import UsageError
from rewardsmith.writers.recorded import RecordedReplies
from tests.support.command_line import GOOD, call
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design, recorded
from tests.support.lineworld import write_task

ICPL = {"rounds": 1, "samples": 2, "seeds": 1, "judge": "native", "repairs": 0}
LEARNING = {"rounds": 1, "pairs": 40, "seeds": 1, "judge": "native"}
MODEL = "openai/gpt-4o"


def replies() -> RecordedReplies:
    texts = (GOOD, GOOD.replace("5.0", "2.0"))
    return recorded([{"round": 0, "sample": n, "text": text} for n, text in enumerate(texts)])


@pytest.fixture
def line(tmp_path: Path) -> Path:
    return write_task(tmp_path / "line")


@pytest.fixture
def unmeasured(line: Path) -> Path:
    """The line world without a fitness."""
    task = line / "task.toml"
    task.write_text(task.read_text().replace("fitness.py:fitness", "none"))
    return line


def run_of(task: Path, tmp_path: Path, **settings: Any) -> rs.Run:
    executor = FakeExecutor(varied=True)
    return design(str(task), tmp_path, **{"report_seeds": None, "executor": executor, **settings})


def test_without_a_fitness_no_number_of_it_is_shown(unmeasured: Path, tmp_path: Path) -> None:
    run = run_of(unmeasured, tmp_path, strategy="icpl", options=ICPL, replies=replies())
    assert {rung for _, _, rung in run.state.trials} == {"selection"}, "a report compares fitness"
    shown = call(tmp_path, "show", run.folder.name).stdout
    assert "none: the task does not measure episodes" in shown
    assert "to those of 0 of 1 other program; those of 1 are as good" in shown
    assert not re.search(r"fitness\s+0|over 1 seed", shown)
    page = report_run(run.folder).read_text(encoding="utf-8")
    assert "has no fitness" in page and "fitness of the designed reward" not in page
    export = run.export(tmp_path / "out", executor=FakeExecutor())
    assert "Fitness of agents" not in (export / "reward.py").read_text(encoding="utf-8")
    facts = json.loads((export / "reward.json").read_text(encoding="utf-8"))
    assert facts["fitness"] == {"selection": None, "report": None}
    assert facts["policy"]["fitness"] is None


def test_without_a_fitness_a_report_is_refused(unmeasured: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"strategy": "icpl", "options": ICPL, "replies": replies()}
    with pytest.raises(UsageError, match="compares fitness, and the task has none"):
        run_of(unmeasured, tmp_path, **given, report_seeds=2)
    run = run_of(unmeasured, tmp_path, **given)
    with pytest.raises(UsageError, match="compares fitness, and the task has none"):
        run.resume(report_seeds=2, executor=FakeExecutor())


def test_a_learned_reward_is_not_said_to_be_written(line: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"strategy": "preference", "report_seeds": 0}
    run = run_of(line, tmp_path / "alone", **given, options=LEARNING, replies=None)
    assert run.folder.config().written_by == "rewardsmith, from the answers of judges"
    with_program = {**LEARNING, "beside": "program"}
    both = run_of(line, tmp_path / "both", **given, options=with_program, replies=replies())
    (learned,) = filter(None, both.state.learned.values())
    for number, (one, program) in enumerate(((run, run.best.id), (both, learned))):
        out = tmp_path / f"out{number}"
        export = one.export(out, program=program, executor=FakeExecutor())
        text = (export / "reward.py").read_text(encoding="utf-8")
        said = " ".join(text.split())
        assert "from the answers of judges" in said and "grammar" not in said
        assert ("The program, as it was written" in text) == (one is both)
        with pytest.raises(UsageError, match="weights and no program"):
            rs.train_program(export / "reward.py", str(line))  # not without its learned part


def test_a_run_that_asked_nothing_can_be_repeated(line: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"strategy": "preference", "report_seeds": 0, "replies": None}
    run = run_of(line, tmp_path, **given, options=LEARNING)
    executor = FakeExecutor(varied=True)
    again = run.replay(runs=tmp_path / "again", executor=executor)
    assert again.state.learned == run.state.learned
    assert again.folder.config().digest == run.folder.config().digest


def test_estimates_count_the_requests_to_a_judge(line: Path) -> None:
    def calls(**options: Any) -> tuple[float, float]:
        strategy = "preference" if "pairs" in options else "icpl"
        planned = rs.plan(str(line), model=MODEL, strategy=strategy, options=options)
        return tuple(rs.estimate(planned).calls)

    assert calls(rounds=2, pairs=10, judge="model") == (40, 40)
    assert calls(rounds=2, pairs=10, judge="native") == (0, 0)
    judged, plain = (calls(rounds=2, samples=3, judge=name) for name in ("model", "native"))
    pairs = 3 + 6  # of three programs, and then of three and the best one before
    assert [one - other for one, other in zip(judged, plain, strict=True)] == [2 * pairs] * 2


def test_feedback_that_nothing_would_read_is_refused(line: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"strategy": "preference", "report_seeds": 0, "replies": None}
    run = run_of(line, tmp_path, **given, options=LEARNING)
    with pytest.raises(UsageError, match="reads no feedback") as caught:
        run.say("Go further right.")
    assert "rewardsmith label" in caught.value.hint


def test_a_user_is_asked_for_as_few_programs_as_the_strategy_allows(line: Path) -> None:
    def options(strategy: str) -> dict[str, Any]:
        judge = {"judge": "native"}
        return rs.plan(str(line), ask=True, strategy=strategy, options=judge).config.options

    assert options("icpl")["samples"] == 2
    assert "samples" not in options("preference")


def test_recorded_replies_cannot_judge(line: Path, tmp_path: Path) -> None:
    options = {**ICPL, "judge": "model"}
    with pytest.raises(UsageError, match="the judge needs a model"):
        run_of(line, tmp_path, strategy="icpl", options=options, replies=replies())
