"""Local servers: their ports, requests in OpenAI's format, and no key for OpenAI."""

from __future__ import annotations

from typing import Any

import pytest

from rewardsmith.errors import UsageError
from rewardsmith.llm.protocol import Message, Request
from rewardsmith.llm.providers import make_provider
from tests.support.fake_llm import FakeLLM

PORTS = {"ollama": 11434, "vllm": 8000, "llamacpp": 8080, "lmstudio": 1234}
KEY = "sk-planted-0123456789"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in PORTS:
        monkeypatch.delenv(f"{name.upper()}_BASE_URL", raising=False)
        monkeypatch.delenv(f"{name.upper()}_API_KEY", raising=False)


@pytest.mark.parametrize("name", PORTS)
def test_it_is_found_at_its_port(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr("openai.OpenAI", lambda **options: made.append(options))
    assert make_provider(f"{name}/some-model").name == name
    assert made[0]["base_url"] == f"http://localhost:{PORTS[name]}/v1"


@pytest.mark.parametrize("name", PORTS)
def test_it_is_asked_without_the_key_for_openai(name: str) -> None:
    with FakeLLM(["fine"]) as fake:
        provider = make_provider(f"{name}/org/model:7b", fake.url + "/v1")
        reply = provider.complete(
            Request(f"{name}/org/model:7b", "rules", (Message("user", "hi"),)), 5.0
        )
    (request,) = fake.requests
    assert reply.text == "fine"
    assert request["body"]["model"] == "org/model:7b"
    assert "max_tokens" in request["body"]
    assert KEY not in str(request["headers"])


def test_its_own_address_and_key_come_from_its_own_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FakeLLM(["fine"]) as fake:
        monkeypatch.setenv("VLLM_BASE_URL", fake.url + "/v1")
        monkeypatch.setenv("VLLM_API_KEY", "local-key")
        make_provider("vllm/m").complete(Request("vllm/m", "", (Message("user", "hi"),)), 5.0)
    assert fake.requests[0]["headers"]["authorization"] == "Bearer local-key"


def test_openai_itself_still_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        make_provider("openai/m")
