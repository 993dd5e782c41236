"""Pacing of requests: concurrent requests, requests per minute, and pauses that hold for all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rewardsmith.errors import BoundaryError
from rewardsmith.llm.pacing import LONGEST_PAUSE_S, PacedProvider
from rewardsmith.llm.protocol import NOTHING_USED, Message, Reply, Request
from rewardsmith.llm.providers import make_provider
from rewardsmith.llm.retrying import Patience, RetryingProvider
from tests.support.fake_llm import FakeLLM

ASK = Request("openai/m", "", (Message("user", "hi"),))


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds


class Scripted:
    """Raises what it is given in turn, then answers."""

    name = "openai"

    def __init__(self, *errors: BoundaryError | None) -> None:
        self.errors = list(errors)

    def complete(self, request: Request, timeout_s: float) -> Reply:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return Reply("ok", "stop", NOTHING_USED, "m", 0.0)

    def check(self, model: str, timeout_s: float) -> None:
        raise AssertionError("nobody asked")


def test_no_more_than_so_many_are_open_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789")
    three = threading.Barrier(3)  # each waits until three are open

    def answer(_: object) -> str:
        three.wait(600)
        return "ok"

    with FakeLLM(answer) as fake:
        provider = PacedProvider(make_provider("openai/m", fake.url + "/v1"), at_once=3)
        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: provider.complete(ASK, 600.0), range(12)))
        assert len(replies) == 12 and fake.most_open == 3


def test_requests_are_spread_over_the_minute() -> None:
    clock = Clock()
    provider = PacedProvider(Scripted(), per_minute=30, now=clock.now, sleep=clock.sleep)
    for _ in range(4):
        provider.complete(ASK, 1.0)
    assert clock.sleeps == pytest.approx([2.0, 2.0, 2.0])


def test_a_pause_holds_for_requests_that_were_not_sent_yet() -> None:
    busy = BoundaryError("busy", "wait", where="provider", retryable=True, retry_after_s=7.0)
    for_an_hour = BoundaryError(
        "busy", "wait", where="provider", retryable=True, retry_after_s=3600.0
    )
    clock = Clock()
    provider = PacedProvider(Scripted(busy, None, for_an_hour), now=clock.now, sleep=clock.sleep)
    with pytest.raises(BoundaryError):
        provider.complete(ASK, 1.0)
    assert provider.complete(ASK, 1.0).text == "ok" and clock.sleeps == [7.0]
    with pytest.raises(BoundaryError):
        provider.complete(ASK, 1.0)
    provider.complete(ASK, 1.0)
    assert clock.sleeps == [7.0, LONGEST_PAUSE_S]


def test_a_retry_takes_its_turn_like_a_first_attempt() -> None:
    busy = BoundaryError("busy", "wait", where="provider", retryable=True)
    clock = Clock()
    paced = PacedProvider(
        Scripted(busy, busy), at_once=1, per_minute=60, now=clock.now, sleep=clock.sleep
    )
    provider = RetryingProvider(paced, Patience(first_wait_s=0.0), sleep=lambda _: None)
    done = threading.Event()
    thread = threading.Thread(target=lambda: (provider.complete(ASK, 1.0), done.set()), daemon=True)
    thread.start()
    assert done.wait(600) and clock.sleeps == pytest.approx([1.0, 1.0])
