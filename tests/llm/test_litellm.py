"""litellm, an extra: the error without it, and the provider with it (`make test-litellm`).

Other providers are tested beside it there as well, since it holds their SDKs at older versions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.llm.protocol import Image, Message, Request, Usage
from rewardsmith.llm.providers import make_provider
from rewardsmith.llm.retrying import Patience, RetryingProvider
from tests.support.fake_llm import FakeLLM

KEY = "sk-planted-0123456789"
MODELS = {"litellm/openai/some-model": "/v1", "litellm/anthropic/claude-sonnet-5-5": ""}
NOT_RETRIED = {
    "401:no": "the key was refused",
    "404:no": "no such model",
    "429:insufficient_quota": "no credit",
}

if find_spec("litellm") is None:

    def test_without_the_extra_it_says_what_to_install() -> None:
        with pytest.raises(UsageError, match="litellm package cannot be loaded") as caught:
            make_provider("litellm/openai/gpt-6-sol")
        assert "rewardsmith[litellm]" in caught.value.hint

else:

    @pytest.fixture(autouse=True)
    def keys(monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
            monkeypatch.setenv(name, KEY)

    @pytest.fixture(params=MODELS)
    def model(request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def fake() -> Iterator[FakeLLM]:
        with FakeLLM(["the answer"]) as served:
            yield served

    def provider_for(model: str, fake: FakeLLM) -> Any:
        return make_provider(model, fake.url + MODELS[model])

    def ask(model: str, **changes: Any) -> Request:
        given = {"system": "rules", "messages": (Message("user", "hi"),), "max_output_tokens": 700}
        return Request(model, **{**given, **changes})

    def test_answer_and_what_is_sent(model: str, fake: FakeLLM) -> None:
        picture = (Message("user", "look", (Image("image/png", "aGk="),)),)
        reply = provider_for(model, fake).complete(ask(model, messages=picture), 10.0)
        body = fake.requests[0]["body"]
        assert (reply.text, reply.finish_reason, reply.model) == (
            "the answer",
            "stop",
            model.rpartition("/")[2],
        )
        assert reply.usage == Usage(20, 8, 9, 4, 7 if "anthropic" in model else None)
        assert body["max_tokens"] == 700 and "n" not in body and "aGk=" in str(body["messages"])
        assert len(fake.requests) == 1

    @pytest.mark.parametrize("fault", ["429", "500", "529", "drop", "garbage", "cut"])
    def test_it_does_not_retry_by_itself_and_ours_does(
        model: str, fake: FakeLLM, fault: str
    ) -> None:
        fake.faults = [fault]
        with pytest.raises(BoundaryError) as caught:
            provider_for(model, fake).complete(ask(model), 10.0)
        assert caught.value.retryable and len(fake.requests) == 1
        fake.faults = [fault]
        patient = RetryingProvider(provider_for(model, fake), Patience(first_wait_s=0.01))
        assert patient.complete(ask(model), 10.0).text == "the answer" and len(fake.requests) == 3

    @pytest.mark.parametrize("fault", NOT_RETRIED)
    def test_the_error_of_a_permanent_failure_has_no_key(
        model: str, fake: FakeLLM, fault: str
    ) -> None:
        fake.faults = [f"{fault} {KEY}"]
        with pytest.raises(BoundaryError, match=NOT_RETRIED[fault]) as caught:
            provider_for(model, fake).complete(ask(model), 10.0)
        assert not caught.value.retryable
        assert KEY not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize(
        ("fault", "reason"), [("truncated", "length"), ("refusal", "filter"), ("empty", "stop")]
    )
    def test_finish_reasons(model: str, fake: FakeLLM, fault: str, reason: str) -> None:
        fake.faults = [fault]
        assert provider_for(model, fake).complete(ask(model), 10.0).finish_reason == reason

    def test_an_unknown_model_is_an_error_before_a_run(
        model: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_provider(model).check(model, 1.0)
        with pytest.raises(UsageError, match="knows no provider of 'nobodys-model'"):
            make_provider("litellm/nobodys-model").check("litellm/nobodys-model", 1.0)
        for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
            monkeypatch.delenv(name)
        with pytest.raises(UsageError, match="needs a key"):
            make_provider(model).check(model, 1.0)

    def test_it_fetches_nothing_when_it_is_loaded() -> None:
        script = (
            "import socket\n"
            "tried = []\n"
            "socket.socket.connect = lambda self, where: tried.append(where)\n"
            "socket.getaddrinfo = lambda *where, **_: tried.append(where) or []\n"
            "from rewardsmith.llm.providers import make_provider\n"
            "make_provider('litellm/openai/x')\n"
            "assert not tried, tried\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            env=os.environ,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
