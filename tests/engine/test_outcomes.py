"""Replies without a program: each has an outcome, and is requested again if that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rewardsmith.api import runs as api
from rewardsmith.errors import NoProgram
from rewardsmith.types import Slot
from tests.support.crash_driver import HEAD
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import asked_of, happened, the_run
from tests.support.lineworld import write_task

GOOD = HEAD + "(position, next_position):\n    return {'progress': next_position - position}\n```"
ONE = {"rounds": 1, "samples": 1, "seeds": 1}


@pytest.fixture
def task(tmp_path: Path) -> str:
    return str(write_task(tmp_path / "line"))


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")


def limits(fake: FakeLLM) -> list[int]:
    return [request["body"]["max_tokens"] for request in fake.requests]


def test_an_answer_cut_off_is_asked_for_again_with_twice_the_limit(
    task: str, tmp_path: Path
) -> None:
    with FakeLLM([GOOD], ["truncated"]) as fake:
        run = asked_of(fake, task, tmp_path, max_output_tokens=500, options={**ONE, "repairs": 0})
        assert limits(fake) == [500, 1000]
        assert (
            fake.requests[0]["body"]["messages"] == fake.requests[1]["body"]["messages"]
        )  # nothing to comment on
    first, second = (run.state.slots[Slot(0, 0, attempt)] for attempt in (0, 1))
    assert (first.outcome, first.program, second.outcome, second.accepted) == (
        "cut",
        None,
        "code",
        True,
    )
    assert first.findings[0].startswith("RS005")


def test_it_is_not_asked_for_a_third_time_and_is_no_repair(task: str, tmp_path: Path) -> None:
    with FakeLLM([GOOD], ["truncated"] * 9) as fake:
        with pytest.raises(NoProgram):
            asked_of(fake, task, tmp_path, max_output_tokens=500, options={**ONE, "repairs": 0})
        assert limits(fake) == [500, 1000]
        with pytest.raises(NoProgram):
            asked_of(
                fake, task, tmp_path / "b", max_output_tokens=500, options={**ONE, "repairs": 1}
            )
        assert limits(fake)[2:] == [500, 1000, 1000]


@pytest.mark.parametrize(
    ("fault", "outcome", "code"), [("refusal", "filter", "RS003"), ("empty", "empty", "RS004")]
)
def test_what_a_model_would_not_say_is_asked_for_once_more_as_it_was(
    task: str, tmp_path: Path, fault: str, outcome: str, code: str
) -> None:
    with FakeLLM([GOOD], [fault]) as fake:
        run = asked_of(fake, task, tmp_path, options={**ONE, "repairs": 1})
        first, second = (request["body"] for request in fake.requests)
        assert first == second
    entries = run.state.slots
    assert entries[Slot(0, 0, 0)].outcome == outcome and entries[Slot(0, 0, 0)].findings[
        0
    ].startswith(code)
    assert (entries[Slot(0, 0, 0)].occurrence, entries[Slot(0, 0, 1)].occurrence) == (0, 1)
    assert entries[Slot(0, 0, 1)].accepted and len(run.state.programs) == 1


@pytest.mark.usefixtures("key")
def test_anthropics_refusal_is_the_models_own(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: FakeExecutor
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-planted-0123456789")
    with FakeLLM([GOOD], ["refusal"]) as fake:
        settings: dict[str, Any] = {"options": ONE, "report_seeds": 1, "runs": tmp_path / "runs"}
        run = api.design(
            task, model="anthropic/fake", base_url=fake.url, **settings, executor=executor
        )
    assert run.state.slots[Slot(0, 0, 0)].outcome == "refusal"
    assert run.state.slots[Slot(0, 0, 0)].findings[0].startswith("RS002")


def test_equal_requests_of_one_round_keep_their_own_answers(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    """A repeated request equals the first ones of its neighbours; their replies must not be mixed up."""
    texts = [GOOD.replace("progress", name) for name in ("first", "second", "third")]
    with FakeLLM(
        texts, ["empty"]
    ) as fake:  # whichever comes first is empty, and is asked for again
        run = asked_of(fake, task, tmp_path, options={**ONE, "samples": 3})
        assert len(fake.requests) == 4
    assert len(run.state.programs) == 3
    occurrences = sorted(entry.occurrence for entry in run.state.slots.values())
    assert occurrences == [0, 1, 2, 3]
    assert happened(run.replay(runs=tmp_path / "again", executor=executor)) == happened(run)


def test_a_round_of_refusals_is_no_lesson_for_the_next(task: str, tmp_path: Path) -> None:
    with FakeLLM([GOOD], ["refusal", "refusal"]) as fake:
        run = asked_of(fake, task, tmp_path, options={**ONE, "rounds": 2, "repairs": 1})
        bodies = [request["body"]["messages"] for request in fake.requests]
        assert len(bodies) == 3 and bodies[0] == bodies[1] == bodies[2]
    assert the_run(tmp_path).state.ranked() == run.state.ranked() != []
