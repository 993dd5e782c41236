"""The retry policy, through the real SDKs over HTTP, within the time that is left."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.errors import BoundaryError
from rewardsmith.llm.log import ReplyLog, read_lines
from rewardsmith.llm.prices import prices_of
from rewardsmith.llm.protocol import NOTHING_USED, Message, Reply, Request
from rewardsmith.llm.providers import make_provider
from rewardsmith.llm.retrying import Patience, RetryingProvider
from rewardsmith.run.orders import Write
from rewardsmith.types import Slot
from rewardsmith.writers.requests import RunRequest
from rewardsmith.writers.sources import ModelSource, Writer
from tests.support.fake_llm import FakeLLM

KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
QUICK = Patience(attempts=6, first_wait_s=0.01, longest_wait_s=0.05)


def ask(name: str, text: str = "hi") -> Request:
    return Request(f"{name}/some/model", "rules", (Message("user", text),))


@pytest.fixture(params=["openai", "anthropic"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(KEYS[request.param], "sk-planted-0123456789")
    return str(request.param)


def provider_for(
    fake: FakeLLM, name: str, patience: Patience = QUICK, **options: Any
) -> RetryingProvider:
    url = fake.url + ("/v1" if name == "openai" else "")
    return RetryingProvider(make_provider(f"{name}/some/model", url), patience, **options)


@pytest.mark.parametrize(
    "fault", ["408", "409", "429", "500", "503", "529", "drop", "garbage", "cut"]
)
def test_a_passing_failure_is_tried_again(name: str, fault: str) -> None:
    with FakeLLM(["late"], [fault, fault]) as fake:
        assert provider_for(fake, name).complete(ask(name), 5.0).text == "late"
        assert [request["fault"] for request in fake.requests] == [fault, fault, ""]


@pytest.mark.parametrize(
    "fault", ["401:no", "403:no", "404:no", "400:odd", "413:long", "429:insufficient_quota"]
)
def test_a_permanent_failure_is_not_retried(name: str, fault: str) -> None:
    with FakeLLM(["never"], [fault]) as fake:
        with pytest.raises(BoundaryError):
            provider_for(fake, name).complete(ask(name), 5.0)
        assert len(fake.requests) == 1


def test_it_gives_up_with_the_last_error(name: str) -> None:
    with FakeLLM(["never"], ["500"] * 9) as fake:
        with pytest.raises(BoundaryError, match="in trouble"):
            provider_for(fake, name, Patience(attempts=3, first_wait_s=0.01)).complete(
                ask(name), 5.0
            )
        assert len(fake.requests) == 3


def test_twenty_per_cent_of_faults_over_sixty_calls(name: str, tmp_path: Path) -> None:
    """Every call ends with its own answer, and each attempt was seen by the server exactly once."""
    rng = random.Random(3)
    kinds = ("429", "500", "529", "drop", "garbage", "cut")
    faults = [rng.choice(kinds) if rng.random() < 0.2 else "" for _ in range(90)]

    def echo(body: dict[str, Any]) -> str:
        content = body["messages"][-1]["content"]
        return content if isinstance(content, str) else content[0]["text"]

    log = ReplyLog(tmp_path / "llm.jsonl")
    with FakeLLM(echo, faults, usage="counted") as fake:
        writer = Writer(
            ModelSource(provider_for(fake, name), prices_of("m/x", (1.0, 1.0)), 5.0), log
        )

        def one(number: int) -> str:
            asked = RunRequest(Write(Slot(0, number)), ask(name, f"call {number}"), 0)
            reply = writer.reply(asked)
            assert reply is not None
            return reply.text

        with ThreadPoolExecutor(8) as pool:
            texts = list(pool.map(one, range(60)))
        seen = Counter(request["fault"] for request in fake.requests)
    assert texts == [f"call {i}" for i in range(60)]
    logged = [list(line.slot) for line in read_lines(log.path)]
    assert sorted(logged) == [[0, number, 0] for number in range(60)]  # every reply once
    assert sum(line.reply.usage.total for line in read_lines(log.path)) == fake.tokens > 0
    assert sum(line.reply.cost_usd or 0.0 for line in read_lines(log.path)) == pytest.approx(
        fake.tokens / 1e6
    )
    assert seen[""] == 60
    assert seen.total() - 60 == sum(fault != "" for fault in faults[: seen.total()]) > 5


class Scripted:
    """Raises these errors in turn, then answers."""

    name = "scripted"

    def __init__(self, *errors: BoundaryError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def complete(self, request: Request, timeout_s: float) -> Reply:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return Reply("ok", "stop", NOTHING_USED, "m", 0.0)


def _busy(after: float | None = None) -> BoundaryError:
    return BoundaryError("busy", "wait", where="provider", retryable=True, retry_after_s=after)


def test_it_waits_as_long_as_it_was_asked_to() -> None:
    waits: list[float] = []
    provider = RetryingProvider(Scripted(_busy(7.5), _busy(0.25)), Patience(), waits.append)
    assert provider.complete(ask("scripted"), 1.0).text == "ok"
    assert waits == [7.5, 0.25]


def test_a_wait_longer_than_the_time_left_is_an_error_at_once() -> None:
    waits: list[float] = []
    scripted = Scripted(_busy(3600.0))
    with pytest.raises(BoundaryError, match="busy"):
        RetryingProvider(scripted, Patience(total_s=600), waits.append).complete(
            ask("scripted"), 1.0
        )
    assert (waits, scripted.calls) == ([], 1)


def test_waits_of_our_own_grow_and_stay_bounded() -> None:
    waits: list[float] = []
    patience = Patience(attempts=12, first_wait_s=1.0, longest_wait_s=8.0)
    for _ in range(40):
        RetryingProvider(Scripted(*(_busy() for _ in range(11))), patience, waits.append).complete(
            ask("scripted"), 1.0
        )
    by_attempt = [waits[i::11] for i in range(11)]
    assert max(by_attempt[0]) <= 1.0 < max(by_attempt[3])
    assert max(waits) <= 8.0


def test_the_headers_of_a_refusal_are_read(name: str) -> None:
    with FakeLLM(["late"], ["429"]) as fake:
        waits: list[float] = []
        provider_for(fake, name, Patience(), sleep=waits.append).complete(ask(name), 5.0)
    assert waits == [pytest.approx(0.02)]
