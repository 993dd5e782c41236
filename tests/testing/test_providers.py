"""The built-in providers keep the contract of a provider, and broken ones fail it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.llm.protocol import NOTHING_USED, Reply, Request, Usage
from rewardsmith.llm.providers import PROVIDERS
from rewardsmith.testing import FailingProvider, ProviderContract
from tests.support.contracts import failure
from tests.support.fake_llm import FakeLLM

VERSIONS = {"openai": "/v1", "anthropic": "", "vllm": "/v1"}


@pytest.mark.parametrize("name", VERSIONS)
class TestBuiltIn(ProviderContract):
    @pytest.fixture(autouse=True)
    def _serve(self, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
            monkeypatch.setenv(variable, "sk-planted")
        if name != "vllm":  # behind a gateway, a name that is not listed gives a warning only
            self.unknown_model = None  # type: ignore[misc]
        self.name = name
        with FakeLLM(models=[self.model]) as self.fake:
            yield

    def provider(self) -> Any:
        return PROVIDERS.get(self.name)(self.fake.url + VERSIONS[self.name])

    def failing(self) -> FailingProvider:
        self.fake.faults += ["500"] * 5
        return FailingProvider(self.provider(), lambda: len(self.fake.requests))


class Sound:
    """A provider that keeps the contract; those below break it."""

    name = "sound"
    usage: ClassVar[Usage] = Usage(20, 8, 9, 4)
    known: ClassVar[tuple[str, ...]] = ("model",)
    attempts = 1

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.sent = fails, 0

    def check(self, model: str, timeout_s: float) -> None:
        if model.partition("/")[2] not in self.known:
            raise UsageError(f"there is no model {model}")

    def complete(self, request: Request, timeout_s: float) -> Reply:
        self.sent += self.attempts
        if self.fails:
            raise BoundaryError("it is busy", where="provider", retryable=True)
        return Reply("ok", "stop", self.usage, "model", latency_s=0.0)


class Slashed(Sound):
    name = "my/provider"


class Prefixed(Sound):
    def complete(self, request: Request, timeout_s: float) -> Reply:
        return replace(super().complete(request, timeout_s), model=request.model)


class Uncounted(Sound):
    usage: ClassVar[Usage] = NOTHING_USED


class Partial(Sound):
    """Its count of the prompt leaves out what was cached."""

    usage: ClassVar[Usage] = Usage(20, 80, 9)


class Single(Sound):
    """It answers one request at a time, and fails where two meet."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__(fails)
        self._meeting = threading.Barrier(2)

    def complete(self, request: Request, timeout_s: float) -> Reply:
        self._meeting.wait(timeout_s)
        raise RuntimeError("two requests at once")


class Accepting(Sound):
    def check(self, model: str, timeout_s: float) -> None:
        pass


class Insistent(Sound):
    attempts = 3


class Misplaced(Sound):
    def complete(self, request: Request, timeout_s: float) -> Reply:
        self.sent += 1
        raise BoundaryError("it is busy", where="environment")


class Broken(ProviderContract):
    def __init__(self, kind: type[Sound]) -> None:
        self._kind = kind

    def provider(self) -> Sound:
        return self._kind()

    def failing(self) -> FailingProvider:
        provider = self._kind(fails=True)
        return FailingProvider(provider, lambda: provider.sent)


FAILS = "a_failure_is_reported_once_and_not_retried"


@pytest.mark.parametrize(
    ("kind", "test", "message"),
    [
        (Slashed, "its_name_can_begin_the_name_of_a_model", "found 'my/provider'"),
        (Prefixed, "it_replies", "the service's name of the model, found sound/model"),
        (Uncounted, "it_counts_tokens_or_says_that_it_does_not_know", "or None, found 0"),
        (Partial, "it_counts_tokens_or_says_that_it_does_not_know", "cached_tokens of at most"),
        (Accepting, "a_model_that_does_not_exist_is_refused", "sound/no-such-model"),
        (Insistent, FAILS, "one request, found 3"),
        (Misplaced, FAILS, "found environment"),
    ],
)
def test_a_broken_provider_fails(kind: type[Sound], test: str, message: str) -> None:
    failure(Broken(kind), test, match=message)


def test_a_provider_that_takes_one_request_at_a_time_fails() -> None:
    with pytest.raises(RuntimeError, match="two requests at once"):
        Broken(Single).test_one_object_serves_many_threads()
    Broken(Sound).test_one_object_serves_many_threads()


def test_a_provider_that_refuses_its_own_model_fails() -> None:
    class Empty(Sound):
        known: ClassVar[tuple[str, ...]] = ()

    with pytest.raises(UsageError, match="there is no model sound/model"):
        Broken(Empty).test_a_model_that_exists_passes_the_check()
