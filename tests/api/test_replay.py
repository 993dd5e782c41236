"""Replay: a recorded run is repeated without model or network, or the first difference is an error."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.errors import RunError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.protocol import NOTHING_USED, Message, Reply, Request
from rewardsmith.llm.replay import Tape
from rewardsmith.run.settings import Budget
from rewardsmith.types import Slot
from tests.support.crash_driver import Slots, answer
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import asked_of, design, happened
from tests.support.lineworld import write_task

PRICE = (2.0, 10.0)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    Slots().install(monkeypatch.setattr)
    return str(write_task(tmp_path / "line"))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Addresses of attempted connections."""
    tried: list[Any] = []
    connect = socket.socket.connect

    def connecting(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            tried.append(address)
            raise OSError("no network in this test")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connecting)
    return tried


@pytest.mark.parametrize("budget", [{}, {"tokens": 22_000}, {"calls": 3}])
def test_a_strict_replay_is_the_same_run(
    task: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    budget: dict[str, int],
    executor: FakeExecutor,
) -> None:
    with FakeLLM(answer) as fake:
        run = asked_of(fake, task, tmp_path, price=PRICE, budget=Budget(**budget))
    tried = request.getfixturevalue("no_network")
    again = run.replay(runs=tmp_path / "again", executor=executor)
    assert happened(again) == happened(run)
    assert (again.state.tokens, again.state.usd) == (run.state.tokens, run.state.usd)
    assert happened(again.replay(runs=tmp_path / "third", executor=executor)) == happened(
        run
    )  # a replay is a recording too
    assert tried == []
    assert "replayed" in again.folder.config().written_by


def test_the_error_of_an_unrecorded_request_shows_the_difference(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    with FakeLLM(answer) as fake:
        run = asked_of(fake, task, tmp_path)
    prompt = run.folder.prompts_folder / "shared" / "pitfalls.md.j2"
    prompt.write_text(
        prompt.read_text(encoding="utf-8").replace("Scales differ wildly", "Scales agree"), "utf-8"
    )
    with pytest.raises(RunError) as caught:
        run.replay(runs=tmp_path / "again", executor=executor)
    assert "-- **Scales differ wildly**" in caught.value.message
    assert "+- **Scales agree**" in caught.value.message
    assert "round 1 sample" in caught.value.message and "--by-position" in caught.value.hint
    by_position = run.replay(by_position=True, runs=tmp_path / "shown", executor=executor)
    assert set(by_position.state.programs) == set(run.state.programs)
    assert "by position" in by_position.folder.config().written_by
    assert by_position.state.tokens == 0


def test_a_replay_carries_its_tape_along(task: str, tmp_path: Path, executor: FakeExecutor) -> None:
    run = design(task, tmp_path)
    cut = run.replay(runs=tmp_path / "again", executor=executor)
    before = happened(cut)
    shutil.rmtree(run.path)
    events = cut.folder.path / "events.jsonl"
    events.write_text("".join(events.read_text("utf-8").splitlines(keepends=True)[:3]), "utf-8")
    cut.folder.llm_log.unlink()
    assert happened(cut.resume(executor=executor)) == before
    (cut.folder.path / "tape.jsonl").unlink()
    with pytest.raises(RunError, match="no recording"):
        cut.resume(executor=executor)


def ask(text: str) -> Request:
    return Request("openai/m", "system", (Message("user", text),))


def test_a_tape_answers_as_often_as_it_was_asked(tmp_path: Path) -> None:
    log = ReplyLog(tmp_path / "llm.jsonl")
    for occurrence in (0, 1):
        reply = Reply(f"reply {occurrence}", "stop", NOTHING_USED, "m", 0.0)
        log.put(ask("hi"), occurrence, reply, Slot(0, occurrence))
    tape = Tape(tmp_path / "llm.jsonl")
    assert [tape.reply(ask("hi"), n, Slot(0, n)).text for n in (0, 1)] == ["reply 0", "reply 1"]
    with pytest.raises(RunError, match="fewer times"):
        tape.reply(ask("hi"), 2, Slot(0, 2))
    with pytest.raises(RunError, match=r"(?s)-hi.*\+ho"):
        tape.reply(ask("ho"), 0, Slot(5, 5))  # the nearest of any slot
    (tmp_path / "empty").touch()
    with pytest.raises(RunError, match="it is empty"):
        Tape(tmp_path / "empty").reply(ask("hi"), 0, Slot(0, 0))
