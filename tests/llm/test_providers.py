"""The two providers, through their real SDKs over HTTP, against a model on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openai.resources.chat import Completions

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.llm.access import Access
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import FREE
from rewardsmith.llm.protocol import Image, Message, Reply, Request, Usage
from rewardsmith.llm.providers import PROVIDERS, default_model, make_provider
from rewardsmith.run.orders import Write
from rewardsmith.types import Slot
from rewardsmith.writers.requests import RunRequest
from rewardsmith.writers.sources import ModelSource, Writer
from tests.support.fake_llm import FakeLLM
from tests.support.places import SUPPORT

KEY = "sk-planted-0123456789"
VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
PICTURE = Image("image/png", "aGk=")
SETTINGS = (
    "OPENAI_BASE_URL",
    "ANTHROPIC_BASE_URL",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
)

Start = Callable[..., tuple[FakeLLM, Any]]


@pytest.fixture(params=["openai", "anthropic"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in SETTINGS:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def start(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a fake with the given arguments, and a provider that talks to it; it does not retry."""
    opened: list[FakeLLM] = []

    def begin(*args: Any, **kwargs: Any) -> tuple[FakeLLM, Any]:
        monkeypatch.setenv(VARIABLES[name], KEY)
        opened.append(FakeLLM(*args, **kwargs).__enter__())
        url = opened[-1].url + ("/v1" if name == "openai" else "")
        return opened[-1], PROVIDERS.get(name)(url)

    yield begin
    for fake in opened:
        fake.__exit__()


def ask(name: str, **changes: Any) -> Request:
    return Request(
        **{
            "model": f"{name}/some/model",
            "system": "rules",
            "messages": (Message("user", "hi"),),
            **changes,
        }
    )


def said(message: dict[str, Any]) -> str:
    """The text of a message in either provider's form."""
    content = message["content"]
    return content if isinstance(content, str) else str(content[-1]["text"])


def through(provider: Any, log: ReplyLog) -> Writer:
    return Writer(ModelSource(provider, FREE, 5.0), log)


def failure(provider: Any, request: Request) -> BoundaryError:
    with pytest.raises(BoundaryError) as caught:
        provider.complete(request, 5.0)
    error = caught.value
    assert error.where == "provider"
    assert "\n" not in error.message and len(error.message) < 400
    assert error.hint
    assert KEY not in "".join(traceback.format_exception(error))
    return error


def test_answer(start: Start, name: str) -> None:
    fake, provider = start(["```python\nü = 1\n```"])
    reply = provider.complete(ask(name), 5.0)
    cache_write = 7 if name == "anthropic" else None
    usage = Usage(20, 8, 9, 4, cache_write)
    assert (provider.name, reply.text, reply.finish_reason) == (
        name,
        "```python\nü = 1\n```",
        "stop",
    )
    assert (reply.usage, reply.model) == (usage, "some/model")
    assert 0 <= reply.latency_s < 5
    assert reply.request_id == {"openai": "chatcmpl-fake", "anthropic": "msg_fake"}[name]
    assert len(fake.requests) == 1


def test_what_is_sent(start: Start, name: str) -> None:
    fake, provider = start()
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    provider.complete(ask(name, messages=turns, max_output_tokens=30000, temperature=0.5), 5.0)
    provider.complete(ask(name, system=""), 5.0)
    body, plain = (request["body"] for request in fake.requests)
    sent = [{"role": turn.role, "content": turn.content} for turn in turns]
    cached = [{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}}]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("some/model", 30000, 0.5)
    assert "temperature" not in plain and "system" not in plain
    if name == "anthropic":
        first, *others = body["messages"]
        assert first == {
            "role": "user",
            "content": [{**cached[0], "text": "a"}],
        }  # the same in every request of a run
        assert others == [
            {**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in sent[1:]
        ]
        assert (body["system"], body["stream"]) == (cached, True)
    else:
        assert body["messages"] == [{"role": "system", "content": "rules"}, *sent]
        assert plain["messages"] == [{"role": "user", "content": "hi"}]
    assert KEY in " ".join(fake.requests[0]["headers"].values())


def test_images_and_effort_are_sent_in_the_providers_form(start: Start, name: str) -> None:
    fake, provider = start()
    provider.complete(ask(name, messages=(Message("user", "look", (PICTURE,)),), effort="low"), 5.0)
    body = fake.requests[0]["body"]
    picture, text = body["messages"][-1]["content"]
    assert text["text"] == "look"
    if name == "anthropic":
        assert picture["source"] == {"type": "base64", "media_type": "image/png", "data": "aGk="}
        assert body["output_config"] == {"effort": "low"}
    else:
        assert picture["image_url"] == {"url": "data:image/png;base64,aGk="}
        assert body["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("fault", "text", "reason"),
    [("empty", "", "stop"), ("truncated", "hal", "length"), ("refusal", "", "refusal")],
)
def test_finish_reasons(start: Start, name: str, fault: str, text: str, reason: str) -> None:
    _, provider = start(["halved"], [fault])
    reply = provider.complete(ask(name), 5.0)
    if (name, fault) == (
        "openai",
        "refusal",
    ):  # there it comes as "content_filter": the provider's, not the model's
        reason = "filter"
    assert (reply.text, reply.finish_reason) == (text, reason)


FAULTS = [
    ("401:wrong key", "the key was refused (401): wrong key", False),
    ("403:not yours", "the key may not use this model (403)", False),
    ("404:model: some/model", "there is no such model (404): model: some/model", False),
    ("413:too big", "the request is too long for the model (413)", False),
    ("400:prompt is too long: 9 tokens > 8", "the request is too long for the model (400)", False),
    (
        "400:maximum context length is 8 tokens",
        "the request is too long for the model (400)",
        False,
    ),
    ("400:your credit balance is too low", "no credit left (400)", False),
    ("400:odd role", "the request was refused (400): odd role", False),
    ("429", "rate limit reached (429)", True),
    ("429:insufficient_quota", "no credit left (429)", False),
    ("500", "the provider is in trouble (500)", True),
    ("529", "the provider is in trouble (529)", True),
    ("drop", "the connection failed", True),
    ("cut", "the connection failed", True),
    ("garbage", "the answer cannot be read", True),
    (
        "502:<html>\nbad\n" + "gateway " * 99,
        "the provider is in trouble (502): <html> bad gateway",
        True,
    ),
]


@pytest.mark.parametrize(
    ("fault", "message", "retryable"), FAULTS, ids=[fault[:14] for fault, *_ in FAULTS]
)
def test_faults(start: Start, name: str, fault: str, message: str, retryable: bool) -> None:
    fake, provider = start(["some answer"], [fault])
    error = failure(provider, ask(name))
    assert error.message.startswith(f"{name}: ")
    assert message in error.message
    assert error.retryable is retryable
    if fault.startswith("401"):
        assert VARIABLES[name] in error.hint
    assert provider.complete(ask(name), 5.0).text == "some answer"  # and it goes on working
    assert len(fake.requests) == 2


def test_error_inside_a_success(start: Start, name: str) -> None:
    _, provider = start(["some answer"], ["error"])
    error = failure(provider, ask(name))
    assert "injected error" in error.message
    assert error.retryable


def test_a_failed_connection(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[name], KEY)
    with FakeLLM() as fake:
        url = fake.url
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", url.replace("//", "//me:hush-hush@"))
    provider = PROVIDERS.get(name)()
    error = failure(provider, ask(name))
    assert "the connection failed" in error.message and url in error.hint
    assert "hush-hush" not in str(error)


def test_no_answer_in_time(start: Start, name: str) -> None:
    release = threading.Event()

    def late(_: object) -> str:
        release.wait(600)
        return "late"

    _, provider = start(late)
    with pytest.raises(BoundaryError, match="no answer in time") as caught:
        provider.complete(ask(name), 0.2)
    release.set()
    assert caught.value.retryable


def test_key_is_in_no_message_and_not_in_the_log(start: Start, name: str, tmp_path: Path) -> None:
    log = ReplyLog(tmp_path / "llm.jsonl")
    fake, provider = start(["text"], [f"401:incorrect key: {KEY}", f"400:bad header {KEY}"])
    for _ in range(2):
        assert "[secret]" in failure(provider, ask(name)).message
    through(provider, log).reply(RunRequest(Write(Slot(0, 0)), ask(name), 0))
    assert KEY in json.dumps(fake.requests[-1]["headers"])
    assert KEY not in log.path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("a", "a bad header at all"),
        ("abc", "a bad header at all"),
        ("head", "a bad header at all"),
        ("header", "a bad [secret] at all"),
    ],
)
def test_a_short_key_takes_no_ordinary_words_out_of_a_message(
    name: str, key: str, shown: str
) -> None:
    access = Access(name, VARIABLES[name], key)
    assert access.censored("a bad header at all") == shown


def test_refused_temperature_is_left_out_and_remembered(start: Start, name: str) -> None:
    fake, provider = start(
        faults=["400:Unsupported value: 'temperature' does not support 0.2 with this model."]
    )
    for _ in range(2):
        assert provider.complete(ask(name, temperature=0.2), 5.0).text == "ok"
    assert ["temperature" in request["body"] for request in fake.requests] == [True, False, False]


def test_a_second_refused_parameter_is_left_out_too(start: Start, name: str) -> None:
    effort = {"openai": "reasoning_effort", "anthropic": "output_config"}[name]
    fake, provider = start(
        faults=["400:temperature is not supported", f"400:Unsupported parameter: {effort}"]
    )
    assert provider.complete(ask(name, temperature=0.2, effort="high"), 5.0).text == "ok"
    assert [("temperature" in r["body"], effort in r["body"]) for r in fake.requests] == [
        (True, True), (False, True), (False, False)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["openai"], indirect=True)
@pytest.mark.parametrize(
    "fault",
    [
        "400:Unsupported parameter: 'max_tokens' is not supported here. Use 'max_completion_tokens' instead.",
        "422:max_tokens: extra inputs are not permitted",
    ],
)
def test_refused_limit_is_renamed_once_and_remembered(start: Start, fault: str) -> None:
    fake, provider = start(faults=[fault])
    for _ in range(2):
        provider.complete(ask("openai", max_output_tokens=7), 5.0)
    limits = [{k: v for k, v in r["body"].items() if "tokens" in k} for r in fake.requests]
    assert limits == [{"max_tokens": 7}, {"max_completion_tokens": 7}, {"max_completion_tokens": 7}]
    fake.faults += ["400:unsupported max_tokens", "400:unsupported max_completion_tokens"] * 2
    assert "unsupported" in failure(provider, ask("openai", model="openai/other")).message
    assert len(fake.requests) == 5  # both names tried, once


@pytest.mark.parametrize("name", ["openai"], indirect=True)
def test_a_limit_that_is_only_too_high_is_an_error(start: Start) -> None:
    fake, provider = start(
        faults=["400:max_tokens is too large: 99. This model supports at most 9 tokens."]
    )
    assert "max_tokens is too large" in failure(provider, ask("openai")).message
    assert len(fake.requests) == 1


def test_openai_itself_is_sent_the_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    sent: dict[str, Any] = {}
    choice = SimpleNamespace(message=SimpleNamespace(content="ok"), finish_reason="stop")

    def create(_: Completions, **options: Any) -> Any:
        sent.update(options)
        return SimpleNamespace(choices=[choice])

    monkeypatch.setattr(Completions, "create", create)
    assert (
        make_provider("openai/gpt").complete(ask("openai", max_output_tokens=3), 5.0).text == "ok"
    )
    assert sent["max_completion_tokens"] == 3 and "max_tokens" not in sent


@pytest.mark.parametrize("name", ["openai"], indirect=True)
@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": None, "completion_tokens": "many"}])
def test_missing_usage_is_unknown(start: Start, usage: dict[str, Any]) -> None:
    _, provider = start(usage=usage)
    assert provider.complete(ask("openai"), 5.0).usage == Usage()


def test_half_a_character_does_not_break_the_log(start: Start, name: str, tmp_path: Path) -> None:
    _, provider = start(["cut \ud83d"])
    log = ReplyLog(tmp_path / "log")
    reply = through(provider, log).reply(RunRequest(Write(Slot(0, 0)), ask(name), 0))
    assert ReplyLog(tmp_path / "log").get(ask(name).digest, 0) == reply
    assert reply.text.startswith("cut ")


def test_one_provider_serves_many_threads(start: Start, name: str) -> None:
    fake, provider = start(lambda body: said(body["messages"][-1]))

    def one(number: int) -> Reply:
        reply: Reply = provider.complete(ask(name, messages=(Message("user", f"n{number}"),)), 10.0)
        return reply

    with ThreadPoolExecutor(8) as pool:
        assert [reply.text for reply in pool.map(one, range(24))] == [
            f"n{number}" for number in range(24)
        ]
    assert len(fake.requests) == 24


# ------------------------------------------------------------------------------------------- before
# any request


MODELS = ("some/model", "other-model-1")


def test_a_model_that_is_there_is_looked_up_and_not_asked(start: Start, name: str) -> None:
    fake, provider = start(models=MODELS)
    provider.check(f"{name}/some/model", 5.0)
    assert len(fake.looked_up) == 1 and fake.requests == []


def test_a_gateway_that_lists_other_names_is_only_doubted(
    start: Start, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, provider = start(models=MODELS)
    provider.check(f"{name}/other-model-2", 5.0)
    assert (
        "does not list 'other-model-2'" in caplog.text
        and "did you mean 'other-model-1'" in caplog.text
    )


def test_a_server_without_a_catalogue_passes(start: Start, name: str) -> None:
    fake, provider = start(models=None)
    provider.check(f"{name}/some/model", 5.0)
    assert len(fake.looked_up) == 2


def test_a_refused_key_is_reported_by_the_check_of_the_model(
    start: Start, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "KEY", "sk-wrong-0123456789")
    _, provider = start(models=MODELS)
    with pytest.raises(BoundaryError, match="the key was refused"):
        provider.check(f"{name}/some/model", 5.0)


def test_a_failed_connection_is_reported_by_the_check_of_the_model(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLES[name], KEY)
    with FakeLLM() as fake:
        url = fake.url
    provider = PROVIDERS.get(name)(url)
    with pytest.raises(BoundaryError, match="the connection failed"):
        provider.check(f"{name}/some/model", 5.0)


@pytest.mark.parametrize(
    ("server", "binding"),
    [("ollama", True), ("vllm", True), ("lmstudio", True), ("llamacpp", False)],
)
def test_a_server_of_ones_own_is_believed_where_it_lists_what_it_has(
    server: str, binding: bool
) -> None:
    with FakeLLM(models=["qwen3:8b"]) as fake:
        provider = make_provider(f"{server}/qwen3:8b", fake.url + "/v1")
        provider.check(f"{server}/qwen3:8b", 5.0)
        if binding:
            with pytest.raises(
                UsageError, match=r"has no model 'qwen3': it is mistyped or retired"
            ) as caught:
                provider.check(f"{server}/qwen3", 5.0)
            assert "qwen3:8b" in caught.value.hint
        else:
            provider.check(f"{server}/qwen3", 5.0)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:hush-hush@host/v1",
        "https://host/v1?api-key=hush-hush",
        "http://host?token=hush-hush",
    ],
)
def test_an_address_with_a_secret_is_refused_where_a_run_would_keep_it(name: str, url: str) -> None:
    with pytest.raises(UsageError, match="holds a password or a key") as caught:
        PROVIDERS.get(name)(url)
    assert "hush-hush" not in str(caught.value)


def test_missing_key(name: str) -> None:
    with pytest.raises(UsageError, match=VARIABLES[name]) as caught:
        make_provider(f"{name}/m")
    assert VARIABLES[name] in caught.value.hint


def test_key_that_cannot_be_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in ("“sk-quoted-sk”", "sk-two words", "sk-a\nsk-b"):
        monkeypatch.setenv(VARIABLES[name], bad)
        with pytest.raises(UsageError, match="no key has") as caught:
            make_provider(f"{name}/m")
        assert "sk-" not in str(caught.value)


def test_own_server_needs_no_key(name: str) -> None:
    with FakeLLM() as fake:
        provider: Any = make_provider(f"{name}/m", fake.url + ("/v1" if name == "openai" else ""))
        assert provider.complete(ask(name, model=f"{name}/m"), 5.0).text == "ok"


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1"]
)
def test_bad_address(name: str, url: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        make_provider(f"{name}/m", url)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("opnai/gpt", "did you mean 'openai'"),
        ("acme/qwen", "openai/qwen with --base-url"),
        ("gpt-6-sol", "did you mean 'openai/gpt-6-sol'?"),
        ("claude-sonnet-5-5", "did you mean 'anthropic/claude-sonnet-5-5'?"),
        ("whatever", "providers: anthropic, command, litellm"),
        ("openai/", "expected a model as provider/name, found 'openai/'"),
        ("/m", "expected a model as provider/name, found '/m'"),
        ("", "expected a model as provider/name, found ''"),
    ],
)
def test_model_that_names_no_provider(model: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_provider(model)
    assert expected in str(caught.value)


def test_default_model_follows_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_model() is None
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert default_model() == "openai/gpt-6-sol"
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    assert default_model() == "anthropic/claude-sonnet-5-5"


def test_no_sdk_is_loaded_before_a_provider_is_made() -> None:
    code = (
        "import sys, rewardsmith.llm.providers as p, rewardsmith.llm.log, rewardsmith.llm.failures;"
        "p.PROVIDERS.get('openai'), p.PROVIDERS.get('anthropic');"
        "print({'openai', 'anthropic', 'httpx', 'httpx2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# ---------------------------------------------------------------------------------------------- the
# fake itself


def test_the_fake_runs_as_a_process(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text('["one", "two"]')
    command = [
        sys.executable,
        str(SUPPORT / "fake_llm.py"),
        "--port",
        "0",
        "--seconds",
        "60",
    ]
    files = ["--answers", str(tmp_path / "answers.json"), "--log", str(tmp_path / "log")]
    with subprocess.Popen(command + files, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1/messages"
        texts = []
        for _ in range(3):
            body = urllib.request.Request(url, b'{"model": "m", "messages": []}')
            with urllib.request.urlopen(body, timeout=10) as response:
                texts.append(json.load(response)["content"][0]["text"])
        server.terminate()
    assert texts == ["one", "two", "one"]
    assert [
        json.loads(line)["body"]["model"] for line in (tmp_path / "log").read_text().splitlines()
    ] == ["m"] * 3
