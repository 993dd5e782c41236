"""Budgets in dollars, tokens and calls: never exceeded, however many requests are open at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rewardsmith.api import runs as api
from rewardsmith.errors import BoundaryError, NoProgram, UsageError
from rewardsmith.run.events import Admitted
from rewardsmith.run.settings import Budget
from tests.support.crash_driver import OPTIONS, Slots, answer
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import asked_of, happened, kinds, the_run
from tests.support.lineworld import write_task

LIMIT = 400  # tokens of an answer; a request can come to about 2500 more
PRICE = (2.0, 10.0)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    Slots().install(monkeypatch.setattr)
    return str(write_task(tmp_path / "line"))


def asked(fake: FakeLLM, task: str, folder: Path, **settings: Any) -> api.Run:
    return asked_of(fake, task, folder, max_output_tokens=LIMIT, price=PRICE, **settings)


@pytest.mark.parametrize("tokens", [4_000, 6_500, 9_000, 15_000])
def test_tokens_are_never_exceeded_and_well_used(task: str, tmp_path: Path, tokens: int) -> None:
    with FakeLLM(answer, usage="counted") as fake:
        run = asked(fake, task, tmp_path, budget=Budget(tokens=tokens))
        assert run.state.tokens == fake.tokens <= tokens
        if run.state.requests < 5:
            assert run.state.stopped is not None and "tokens is used up" in run.state.stopped
            assert (
                fake.tokens > tokens - 2 * 3_000
            )  # less than two requests at their most were left over


def test_dollars_are_never_exceeded(task: str, tmp_path: Path) -> None:
    with FakeLLM(answer, usage="counted") as fake:
        run = asked(fake, task, tmp_path, budget=Budget(usd=0.013))
        spent = sum(
            read * 2e-6 + wrote * 10e-6 for read, wrote in (r["tokens"] for r in fake.requests)
        )
        assert run.state.usd == pytest.approx(spent) and spent <= 0.013
        assert 2 <= run.state.requests < 5
        assert run.state.unpriced == 0
        assert "$0.013 is used up" in str(run.state.stopped)


@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_calls_are_counted_to_the_last_one(
    task: str, tmp_path: Path, calls: int, executor: FakeExecutor
) -> None:
    with FakeLLM(answer) as fake:
        run = asked(fake, task, tmp_path, budget=Budget(calls=calls), executor=executor)
        assert len(fake.requests) == calls == run.state.requests
        assert run.state.ranked()  # what was bought before the budget ended is trained
        whole = asked(fake, task, tmp_path / "whole", executor=executor)
        raised = run.resume(budget={"calls": 9}, executor=executor)
        assert {**happened(raised), "trials": 0} == {**happened(whole), "trials": 0}


def test_what_does_not_fit_together_is_asked_one_after_the_other(task: str, tmp_path: Path) -> None:
    """The budget allows one request at its maximum, and both at their actual size."""
    with FakeLLM(answer, usage="counted") as fake:
        run = asked(
            fake,
            task,
            tmp_path / "tight",
            budget=Budget(tokens=4_500),
            options={**OPTIONS, "rounds": 1},
        )
        assert fake.most_open == 1 and run.state.requests >= 2
        begun = [
            event.slots
            for event in run.folder.events()
            if isinstance(event, Admitted) and event.slots
        ]
        assert begun[:2] == [((0, 0, 0),), ((0, 1, 0),)]


def test_a_wave_that_was_begun_is_finished_however_dear_its_first_part_was(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    """Otherwise a run that is cut in the middle of a wave would end differently."""
    with FakeLLM(
        answer, usage={"prompt_tokens": 1900, "completion_tokens": 400, "total_tokens": 2300}
    ) as fake:
        whole = asked(fake, task, tmp_path / "whole", budget=Budget(tokens=6_000))
        assert whole.state.requests == 2  # both were begun, and then no more
        fake.faults = ["", "401:no"]
        with pytest.raises(BoundaryError):
            asked(fake, task, tmp_path / "cut", budget=Budget(tokens=6_000))
        cut = the_run(tmp_path / "cut")
        assert cut.state.tokens == 2300 and cut.state.unanswered()
        assert cut.resume(executor=executor).state.requests == 2
        assert set(happened(cut)["slots"]) == set(happened(whole)["slots"])


def test_tokens_that_a_server_does_not_count_are_guessed_for_the_budget(
    task: str, tmp_path: Path
) -> None:
    with FakeLLM(answer, usage={}) as fake:
        run = asked(fake, task, tmp_path, budget=Budget(tokens=9_000))
        assert 2 <= run.state.requests < 5
        assert 1_000 * run.state.requests < run.state.tokens <= 9_000


@pytest.mark.parametrize(
    ("budget", "settings", "told"),
    [
        ({"tokens": 400}, {}, "cannot pay for one answer of up to 400"),
        ({"usd": 0.003}, {}, "cannot pay for one answer"),
        ({"usd": 5.0}, {"price": None}, "prices"),
    ],
)
def test_too_small_a_budget_is_an_error_before_the_run(
    task: str, tmp_path: Path, budget: dict[str, Any], settings: dict[str, Any], told: str
) -> None:
    with FakeLLM(answer) as fake:
        given = {"max_output_tokens": LIMIT, "price": PRICE, **settings}
        with pytest.raises(UsageError, match=told):
            asked_of(fake, task, tmp_path, budget=Budget(**budget), **given)
        assert fake.requests == fake.looked_up == [] and not (tmp_path / "runs").exists()


def test_a_budget_that_turns_out_too_small_for_the_first_request_says_so(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    with FakeLLM(answer) as fake:
        with pytest.raises(NoProgram, match="a request can take"):
            asked(fake, task, tmp_path, budget=Budget(tokens=1_000))
        assert fake.requests == []
        poor = the_run(tmp_path)
        assert kinds(poor.resume(budget={"tokens": 50_000}, executor=executor))[-1] == "exported"
