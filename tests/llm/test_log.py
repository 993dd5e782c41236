"""``llm.jsonl``: no request is repeated, no reply is lost, no secret is written."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.errors import BoundaryError, RunError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import FREE
from rewardsmith.llm.protocol import Message, Reply, Request, Usage
from rewardsmith.run.orders import Write
from rewardsmith.types import Slot
from rewardsmith.writers.requests import RunRequest
from rewardsmith.writers.sources import ModelSource, Writer

SLOT = Slot(0, 1, 2)


def ask(content: str = "hi") -> Request:
    return Request("openai/m", "system", (Message("user", content),), temperature=0.5)


def answer(text: str = "hello ü\u2028\n", **usage: int) -> Reply:
    return Reply(
        text, "stop", Usage(**(usage or {"input_tokens": 3, "output_tokens": 2})), "m", 1.25, "id"
    )


class Scripted:
    """A provider that counts."""

    name = "openai"

    def __init__(self) -> None:
        self.asked = 0

    def complete(self, request: Request, timeout_s: float) -> Reply:
        self.asked += 1
        if request.messages[0].content == "fail":
            raise BoundaryError("no", where="provider", retryable=True)
        return answer(f"{request.messages[0].content} {self.asked}")


def through(provider: Any, log: ReplyLog) -> Writer:
    return Writer(ModelSource(provider, FREE, 5.0), log)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "llm.jsonl"
    log = ReplyLog(path)
    assert not path.exists()
    assert log.get(ask().digest, 0) is None
    log.put(ask(), 0, answer(), SLOT)
    again = ReplyLog(path)
    assert again.get(ask().digest, 0) == answer() == log.get(ask().digest, 0)
    assert len(again) == 1


def test_line_is_as_documented(tmp_path: Path) -> None:
    ReplyLog(tmp_path / "log").put(ask(), 4, answer(), SLOT)
    text = (tmp_path / "log").read_text(encoding="utf-8")
    line = json.loads(text)
    assert text.count("\n") == 1
    assert set(line) == {"v", "key", "occurrence", "slot", "request", "reply", "at"}
    assert (line["v"], line["key"], line["occurrence"], line["slot"]) == (
        1,
        ask().digest,
        4,
        [0, 1, 2],
    )
    assert line["request"]["messages"] == [{"role": "user", "content": "hi"}]
    assert datetime.fromisoformat(line["at"]).utcoffset().total_seconds() == 0  # type: ignore[union-attr]


def test_torn_last_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = ReplyLog(path)
    log.put(ask(), 0, answer("first"), SLOT)
    whole = path.read_bytes()
    log.put(ask(), 1, answer("second"), SLOT)
    lines = path.read_bytes()
    for size in range(len(whole), len(lines)):
        path.write_bytes(lines[:size])
        again = ReplyLog(path)
        assert (len(again), path.read_bytes()) == (1, lines[:size]), size  # reading changes nothing
        again.put(ask(), 1, answer("bought again"), SLOT)
        assert path.read_bytes().startswith(whole)
        assert ReplyLog(path).get(ask().digest, 1) == answer("bought again"), size


@pytest.mark.parametrize(
    "damage", [b"{oops\n", b"[]\n", b'{"v":1}\n', b'{"v":1,"key":"k","occurrence":0,"reply":{}}\n']
)
def test_damaged_line_is_named(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "llm.jsonl"
    log = ReplyLog(path)
    log.put(ask(), 0, answer(), SLOT)
    first = path.read_bytes()
    path.write_bytes(first + damage + first)
    with pytest.raises(RunError) as caught:
        ReplyLog(path)
    assert "llm.jsonl: line 2" in caught.value.message
    assert caught.value.hint


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "llm.jsonl").write_bytes(b'{"v":1,"\xff\xfe":1}\n')
    with pytest.raises(RunError, match=r"llm\.jsonl"):
        ReplyLog(tmp_path / "llm.jsonl")


def test_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"v":2}\n')
    with pytest.raises(RunError, match="line 1 has version 2, known is 1"):
        ReplyLog(tmp_path / "log")


def test_occurrences_are_kept_apart_and_written_once(tmp_path: Path) -> None:
    log = ReplyLog(tmp_path / "log")
    log.put(ask(), 0, answer("a"), SLOT)
    log.put(ask(), 1, answer("b"), SLOT)
    with pytest.raises(ValueError, match="occurrence 1 is answered already"):
        log.put(ask(), 1, answer("c"), SLOT)
    again = ReplyLog(tmp_path / "log")
    assert [again.get(ask().digest, n) for n in range(3)] == [answer("a"), answer("b"), None]


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    log = ReplyLog(tmp_path / "log")
    start = threading.Barrier(8)

    def put(worker: int) -> None:
        start.wait()
        for n in range(10):
            log.put(ask(f"{worker}"), n, answer("x" * 2000, input_tokens=1, output_tokens=0), SLOT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(8)))
    again = ReplyLog(tmp_path / "log")
    assert len(again) == 80


def test_full_disk_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ReplyLog(tmp_path / "log")
    log.put(ask(), 0, answer("a"), SLOT)
    before = (tmp_path / "log").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match="No space left") as caught:
            log.put(ask(), 1, answer("b"), SLOT)
    assert caught.value.hint
    assert (tmp_path / "log").read_bytes() == before
    assert log.get(ask().digest, 1) is None
    log.put(ask(), 1, answer("b"), SLOT)
    assert len(ReplyLog(tmp_path / "log")) == 2


def test_an_answered_request_is_not_asked_again(tmp_path: Path) -> None:
    provider = Scripted()
    log = ReplyLog(tmp_path / "log")
    first = through(provider, log).reply(RunRequest(Write(SLOT), ask(), 0))
    other = through(provider, log).reply(RunRequest(Write(SLOT), ask(), 1))
    log = ReplyLog(tmp_path / "log")
    assert through(provider, log).reply(RunRequest(Write(SLOT), ask(), 0)) == first != other
    assert provider.asked == 2


def test_a_failure_is_not_an_answer(tmp_path: Path) -> None:
    provider = Scripted()
    log = ReplyLog(tmp_path / "log")
    for asked in (1, 2):
        with pytest.raises(BoundaryError):
            through(provider, log).reply(RunRequest(Write(SLOT), ask("fail"), 0))
        assert provider.asked == asked
    assert not (tmp_path / "log").exists()
