"""The seam to language models: what a request and a reply are, and what a provider promises.

A request is neutral: it names no SDK type, no key, no address and no time limit, so that its digest
identifies what was asked and nothing else.

Several samples of one prompt are several calls: no provider offers more than one portably. They
differ in their occurrence in the run, which :mod:`rewardsmith.llm.log` stores and which is not part
of the request.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Annotated, Literal, Protocol

from pydantic import Field
from pydantic.dataclasses import dataclass

from rewardsmith.llm.text import canonical_json
from rewardsmith.types import Effort

Role = Literal["user", "assistant"]
FinishReason = Literal["stop", "length", "refusal", "filter", "other"]
Count = Annotated[int, Field(ge=0)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Image:
    """A picture in a message: ``data`` is base64."""

    media_type: Literal["image/png", "image/jpeg", "image/webp", "image/gif"]
    data: str


@dataclass(frozen=True)
class Message:
    """One turn of the conversation; its images come before its text."""

    role: Role
    content: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked of a model.

    Attributes:
        model: ``provider/name``; the name may hold further slashes.
        system: the standing instructions; the part of the prompt that providers cache.
        messages: at least one turn, the last one the user's.
        max_output_tokens: tokens the model may write, its hidden reasoning included.
        temperature: None leaves it to the provider; many models take no other value.
        effort: how long the model may think, if it can be set; None for the default.
    """

    model: str
    system: str
    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    max_output_tokens: Annotated[int, Field(ge=1)] = 16000
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    effort: Effort | None = None

    @property
    def digest(self) -> str:
        """The first 16 hex digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(canonical_json(dataclasses.asdict(self)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Usage:
    """Tokens of one reply; None is unknown, never zero.

    Attributes:
        input_tokens: the whole prompt, cached or not.
        cached_tokens: the part of the input that was read from the provider's cache.
        output_tokens: everything written, hidden reasoning included.
        reasoning_tokens: the hidden part of the output.
        cache_write_tokens: the part of the input that was written to the provider's cache, where
            that is priced.
    """

    input_tokens: Count | None = None
    cached_tokens: Count | None = None
    output_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cache_write_tokens: Count | None = None

    @property
    def total(self) -> int:
        """Input and output tokens, counting the known ones."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


NOTHING_USED = Usage(0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Reply:
    """What a model answered.

    Attributes:
        text: may be empty: a reply can spend all its tokens on reasoning, or be a refusal.
        finish_reason: ``length`` means cut off at ``max_output_tokens`` or at the end of the
            context window, ``refusal`` that the model would not, ``filter`` that the provider's
            filter did not let it.
        model: the name under which the provider answered, without our prefix.
        latency_s: from sending to the last byte, retries included, seconds.
        request_id: the provider's own name for the exchange, for its support; empty when unknown.
        cost_usd: by the prices of the day, see :mod:`rewardsmith.llm.prices`; None when they are
            unknown.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    model: str
    latency_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    request_id: str = ""
    cost_usd: Dollars | None = None


class Provider(Protocol):
    """Answers requests. One object serves many threads at once; it does not retry."""

    @property
    def name(self) -> str:
        """The prefix under which it is asked for, e.g. ``openai``."""

    def complete(self, request: Request, timeout_s: float) -> Reply:
        """Answer one request; blocks until the reply is whole.

        Args:
            request: what to ask; its model begins with this provider's name.
            timeout_s: seconds that one attempt may go without an answer.

        Raises:
            BoundaryError: ``where`` is ``provider``; ``retryable`` says whether asking again may
                help.
        """

    def check(self, model: str, timeout_s: float) -> None:
        """Check that a model can be requested, without a request that costs money.

        A server that does not list its models passes.

        Raises:
            UsageError: there is no such model.
            BoundaryError: the key was refused, or there is no answer.
        """
