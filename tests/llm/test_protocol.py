"""Requests and replies: digests, usage, and what they refuse."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rewardsmith.llm.protocol import Message, Request
from rewardsmith.llm.text import canonical_json, whole_text


def request(content: str = "hi", **changes: object) -> Request:
    fields = {
        "model": "openai/m",
        "system": "s",
        "messages": (Message("user", content),),
        **changes,
    }
    return Request(**fields)  # type: ignore[arg-type]


def test_digest_is_fixed_across_versions() -> None:
    # Changing the canonical form makes every recorded run ask, and pay, again: bump the version of
    # the log with it.
    assert request().digest == "f938549d1d54b349"
    assert re.fullmatch("[0-9a-f]{16}", request().digest)


@pytest.mark.parametrize("same", ["a\r\nb é", "a\rb é", "a\nb e\u0301"])
def test_digest_ignores_how_text_is_written(same: str) -> None:
    assert request(same, system=same).digest == request("a\nb é", system="a\nb é").digest


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "openai/n"},
        {"system": "t"},
        {"messages": (Message("user", "ho"),)},
        {"messages": (Message("assistant", "hi"),)},
        {"messages": (Message("user", "hi"), Message("user", "hi"))},
        {"max_output_tokens": 1},
        {"temperature": 0.0},
    ],
)
def test_digest_tells_content_apart(changes: dict[str, object]) -> None:
    assert request(**changes).digest != request().digest


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_digest_is_equal_exactly_for_equal_canonical_text(one: str, other: str) -> None:
    def plain(text: str) -> str:
        return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))

    assert (request(one).digest == request(other).digest) == (plain(one) == plain(other))


def test_canonical_json_leaves_out_what_is_unset_and_refuses_nan() -> None:
    assert canonical_json({"b": (1, "ü"), "a": None}) == '{"b":[1,"ü"]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


@pytest.mark.parametrize(
    "changes", [{"messages": ()}, {"temperature": float("nan")}, {"max_output_tokens": 0}]
)
def test_request_refuses_what_cannot_be_sent(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        request(**changes)


def test_half_a_surrogate_pair_becomes_text() -> None:
    assert whole_text("ok \ud83d") == "ok \ufffd"
    assert whole_text("\ud83d\ude00 fine") == "😀 fine"
