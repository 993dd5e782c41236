"""Ask and tell: programs of the user get the same checks, trainings and feedback as a model's."""

from __future__ import annotations

from pathlib import Path

import pytest

import rewardsmith as rs
from rewardsmith.api.search import Search
from rewardsmith.errors import RunError, UsageError
from tests.support.crash_driver import HEAD, OPTIONS, TAPE
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design, happened, kinds, recorded
from tests.support.lineworld import write_task

GOOD = "def reward(position, next_position):\n    return {'progress': next_position - position}\n"


@pytest.fixture
def task(tmp_path: Path) -> str:
    return str(write_task(tmp_path / "line"))


def begin(task: str, tmp_path: Path, executor: FakeExecutor, **options: int) -> Search:
    return rs.Search.begin(
        task,
        runs=tmp_path / "runs",
        options={"rounds": 2, "seeds": 1, **options},
        report_seeds=2,
        executor=executor,
    )


def test_a_whole_search(task: str, tmp_path: Path, executor: FakeExecutor) -> None:
    search = begin(task, tmp_path, executor)
    first = search.ask()
    assert first is not None and first.slot == (0, 0, 0)
    assert "next_position" in first.text and first.text.startswith(first.system)

    told = search.tell("```python\ndef reward(positon):\n    return positon\n```")
    assert (told.accepted, told.program is not None, told.score, told.ended) == (
        False,
        True,
        None,
        None,
    )
    assert "RS108" in told.findings[0] and "RS108" in told.feedback

    repair = search.ask()
    assert repair == told.question and repair is not None and repair.slot == (0, 0, 1)
    assert "positon" in repair.text and "you wrote" in repair.text and "RS108" in repair.text

    told = search.tell(GOOD, by="somebody")  # the module alone, without a fence
    assert told.accepted and told.score is not None and "had fitness" in told.feedback
    assert told.question is not None and told.question.slot == (1, 0, 0)

    told = search.tell(GOOD.replace("progress", "gain"))
    assert told.question is None and told.ended == "all rounds are done" and search.ask() is None
    assert search.run.best.native is not None and kinds(search.run)[-1] == "exported"
    state = search.run.state
    assert (state.requests, state.tokens, state.usd, state.unpriced) == (3, 0, 0.0, 0)
    assert '"somebody"' in search.run.folder.llm_log.read_text(encoding="utf-8")


def test_it_comes_to_what_a_run_with_the_same_replies_comes_to(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    search = Search.begin(
        task,
        runs=tmp_path / "asked",
        options=OPTIONS,
        report_seeds=2,
        exploit_search=False,
        deciding_trainings=0,
        executor=executor,
    )
    while (question := search.ask()) is not None:
        search.tell(TAPE[question.slot])
    given = happened(design(task, tmp_path, replies=recorded()))
    asked = happened(search.run)
    for run in (given, asked):
        run["slots"] = {
            slot: entry[2:] for slot, entry in run["slots"].items()
        }  # the requests name who is asked
    assert {**asked, "lineage": 0} == {**given, "lineage": 0}


def test_asking_changes_nothing_and_a_search_is_opened_again(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    search = begin(task, tmp_path, executor)
    before = list(search.run.folder.events())
    question = search.ask()
    assert search.ask() == question == Search.open(search.run.path, executor=executor).ask()
    assert list(search.run.folder.events()) == before
    again = Search.open(search.run.path, executor=executor)
    assert again.tell(GOOD).accepted
    assert again.ask() == search.ask() != question


def test_a_round_of_several_is_judged_when_it_is_complete(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    search = begin(task, tmp_path, executor, samples=2, rounds=1)
    told = search.tell(GOOD)
    assert not told.accepted and told.findings == () and "taken" in told.feedback
    assert told.question is not None and told.question.slot == (0, 1, 0)
    search.tell(HEAD + "(next_position):\n    return {'place': next_position}\n```")
    assert len(search.run.state.ranked()) == 2


def test_replies_that_tell_refuses(task: str, tmp_path: Path, executor: FakeExecutor) -> None:
    search = begin(task, tmp_path, executor, rounds=1)
    before = search.ask()
    with pytest.raises(UsageError, match="empty"):
        search.tell("  \n")
    with search.run.folder.lock(), pytest.raises(RunError, match="in use"):
        Search.open(search.run.path, executor=executor).tell(GOOD)
    assert search.ask() == before
    search.tell(GOOD)
    with pytest.raises(RunError, match="waits for no reply"):
        search.tell(GOOD)
    other = design(task, tmp_path / "other")
    with pytest.raises(UsageError, match="waits for no replies: the writer is recorded replies"):
        Search.open(other, executor=executor)


def test_a_search_that_comes_to_nothing_says_so(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    search = begin(task, tmp_path, executor, rounds=1, repairs=0)
    told = search.tell("I would rather not.")
    assert not told.accepted and told.program is None and "RS001" in told.findings[0]
    assert told.question is None and told.ended == "all rounds are done"
    with pytest.raises(UsageError, match="expected one writer"):
        rs.Search.begin(task, runs=tmp_path / "runs", model="openai/x")
