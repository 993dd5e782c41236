"""What rewardsmith relies on in a provider of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, NamedTuple

import pytest

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.llm.protocol import Message, Provider, Reply, Request
from rewardsmith.testing.expectations import expect, expect_error

_THREADS = 8


class FailingProvider(NamedTuple):
    """A provider whose service fails.

    Attributes:
        requests: how many requests have reached the service.
    """

    provider: Provider
    requests: Callable[[], int]


class ProviderContract(ABC):
    """Tests of a provider, see :class:`rewardsmith.llm.protocol.Provider`.

    Class attributes:
        model: name of a model that can be asked, without the provider's name.
        unknown_model: name of one that does not exist; None if the service does not tell which
            models it has.
        timeout_s: of each request.
    """

    model: ClassVar[str] = "model"
    unknown_model: ClassVar[str | None] = "no-such-model"
    timeout_s: ClassVar[float] = 60.0

    @abstractmethod
    def provider(self) -> Provider:
        """A new provider; its service works, and costs nothing."""

    def failing(self) -> FailingProvider | None:
        """A new provider whose service refuses each request; None skips the test of failures."""
        return None

    def test_its_name_can_begin_the_name_of_a_model(self) -> None:
        name = self.provider().name
        valid = name.strip() and "/" not in name
        expect(valid, "a name without a slash", repr(name), "users write it as name/model")

    def test_it_replies(self) -> None:
        provider = self.provider()
        reply = self._ask(provider)
        expect(isinstance(reply, Reply), "a Reply", type(reply).__name__, "return a Reply")
        own = not reply.model.startswith(f"{provider.name}/")
        expect(own, "the service's name of the model", reply.model, "remove the provider's name")

    def test_it_counts_tokens_or_says_that_it_does_not_know(self) -> None:
        reply = self._ask(self.provider())
        usage = reply.usage
        hint = "a count that the service does not report is None, never 0"
        expect(usage.input_tokens != 0, "the tokens of the prompt, or None", 0, hint)
        counted = usage.output_tokens != 0 or not reply.text
        expect(counted, "the tokens of the reply, or None", 0, hint)
        parts = {
            "cached_tokens": usage.input_tokens,
            "cache_write_tokens": usage.input_tokens,
            "reasoning_tokens": usage.output_tokens,
        }
        for name, whole in parts.items():
            part = getattr(usage, name)
            expect(
                part is None or whole is None or part <= whole,
                f"{name} of at most the {whole} tokens that contain them",
                part,
                "input_tokens and output_tokens count everything",
            )

    def test_one_object_serves_many_threads(self) -> None:
        provider = self.provider()
        with ThreadPoolExecutor(_THREADS) as threads:
            asked = [threads.submit(self._ask, provider) for _ in range(_THREADS)]
            replies = [future.result() for future in asked]
        valid = sum(isinstance(reply, Reply) for reply in replies)
        expect(valid == _THREADS, f"{_THREADS} replies", valid, "keep no request in the object")

    def test_a_model_that_exists_passes_the_check(self) -> None:
        provider = self.provider()
        provider.check(f"{provider.name}/{self.model}", self.timeout_s)

    def test_a_model_that_does_not_exist_is_refused(self) -> None:
        if self.unknown_model is None:
            pytest.skip("the service does not tell which models it has: unknown_model is None")
        provider = self.provider()
        name = f"{provider.name}/{self.unknown_model}"
        error = expect_error(
            UsageError,
            lambda: provider.check(name, self.timeout_s),
            f"from check({name!r})",
            "raise it, or set unknown_model = None if the service does not tell its models",
        )
        expect(error.message, "an error with a message", "an empty one", "name the model in it")

    def test_a_failure_is_reported_once_and_not_retried(self) -> None:
        failing = self.failing()
        if failing is None:
            pytest.skip("override failing() to test how failures are reported")
        before = failing.requests()
        error = expect_error(
            BoundaryError,
            lambda: self._ask(failing.provider),
            "from complete() of a service that fails",
            "raise BoundaryError(..., where='provider', retryable=...)",
        )
        hint = "the retries are rewardsmith's, which waits as long as the provider asks"
        sent = failing.requests() - before
        expect(sent == 1, "one request", sent, hint)
        expect(error.where == "provider", "where='provider'", error.where, "name the boundary")
        told = isinstance(error.retryable, bool)
        expect(told, "retryable as a bool", error.retryable, "say whether another try may help")

    def _ask(self, provider: Provider) -> Reply:
        model = f"{provider.name}/{self.model}"
        request = Request(model, "Answer in a word.", (Message("user", "hello"),))
        return provider.complete(request, self.timeout_s)
