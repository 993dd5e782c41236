"""Prices of tokens: listed, given or none, and the amount reserved before a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.llm.prices import FREE, prices_of
from rewardsmith.llm.protocol import Image, Message, Reply, Request, Usage
from rewardsmith.llm.sizes import charged, most_used

COUNT = st.integers(0, 10**6)
TEXT = st.text(st.characters(codec="utf-8"), max_size=400)


def ask(text: str, limit: int = 500) -> Request:
    return Request("openai/m", "rules", (Message("user", text),), limit)


def test_list_prices_count_the_cache_apart() -> None:
    prices = prices_of("anthropic/claude-sonnet-5-5")
    assert prices.known and prices.shown.startswith(
        "$2 in, $10 out per million tokens (genai-prices"
    )
    assert prices.cost(Usage(1_000_000, 0, 0, 0, 0)) == pytest.approx(2.0)
    assert prices.cost(Usage(0, 0, 1_000_000, 0, 0)) == pytest.approx(10.0)
    read, written = (
        prices.cost(Usage(1000, *cached)) for cached in ((1000, 0, 0, 0), (0, 0, 0, 1000))
    )
    plain = prices.cost(Usage(1000, 0, 0, 0, 0))
    assert read is not None and plain is not None and written is not None
    assert read < plain < written


@pytest.mark.parametrize(
    "model", ["openai/gpt-6-sol", "litellm/openai/gpt-6-sol", "litellm/anthropic/claude-opus-5-5"]
)
def test_models_with_a_list_price(model: str) -> None:
    assert (prices_of(model).cost(Usage(1000, 0, 1000)) or 0) > 0


@pytest.mark.parametrize("model", ["openai/no-such-model", "acme/x", "litellm/acme/x"])
def test_an_unknown_price_is_unknown_and_not_zero(model: str) -> None:
    prices = prices_of(model)
    assert not prices.known and prices.cost(Usage(1, 1, 1)) is None and "--price" in prices.shown


def test_a_gateway_sets_its_own_prices_and_a_server_of_ones_own_none() -> None:
    assert not prices_of("openai/gpt-6-sol", base_url="http://gateway/v1").known
    assert (
        prices_of("openai/gpt-6-sol", (1.0, 3.0), "http://gateway/v1").cost(Usage(2000, 0, 1000))
        == 0.005
    )
    assert (
        prices_of("ollama/qwen3", base_url="http://elsewhere/v1").cost(Usage(10**9, 0, 10**9))
        == 0.0
    )
    assert FREE.cost(Usage()) == 0.0


@given(COUNT, COUNT, st.floats(0, 1e3), st.floats(0, 1e3))
def test_given_prices_are_linear(
    read: int, wrote: int, per_input: float, per_output: float
) -> None:
    cost = prices_of("acme/x", (per_input, per_output)).cost
    assert cost(Usage(read, 0, wrote)) == pytest.approx(
        (read * per_input + wrote * per_output) / 1e6
    )
    assert cost(Usage(None, 0, wrote)) is None is cost(Usage(read, 0, None))


@given(TEXT, st.integers(1, 10**5))
def test_a_request_comes_to_no_more_than_is_kept_back_for_it(text: str, limit: int) -> None:
    request, most = ask(text, limit), most_used(ask(text, limit))
    unreported = charged(request, Reply("", "stop", Usage(), "m", 0.0))
    assert most.input_tokens is not None and most.output_tokens == limit
    assert (unreported.input_tokens or 0) <= most.input_tokens
    assert most.input_tokens >= len(text.encode()) // 2
    for model in ("anthropic/claude-sonnet-5-5", "openai/gpt-6-sol"):
        cost = prices_of(model).cost
        assert (cost(Usage(most.input_tokens, 0, limit, 0, 0)) or 0) <= (cost(most) or 0)


def test_what_a_provider_said_is_what_is_charged() -> None:
    usage = Usage(7, 3, 5, 2, 1)
    assert charged(ask("hi"), Reply("x" * 900, "stop", usage, "m", 0.0)) == usage
    half = charged(ask("hi"), Reply("x" * 900, "stop", Usage(7), "m", 0.0))
    assert (half.input_tokens, half.output_tokens) == (7, 300)


def test_images_are_reckoned_with() -> None:
    picture = Image("image/png", "aGk=")
    plain, shown = (
        Request("m/x", "", (Message("user", "hi", images),)) for images in ((), (picture, picture))
    )
    assert (most_used(shown).input_tokens or 0) - (most_used(plain).input_tokens or 0) >= 2 * 4000
    assert (
        plain.digest
        != shown.digest
        == Request("m/x", "", (Message("user", "hi", (picture, picture)),)).digest
    )
