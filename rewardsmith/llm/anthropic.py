"""Anthropic, through the Messages API.

Always streamed: the SDK refuses long answers otherwise, and a stream shows that the model is alive.
A stream that ends before it has given a stop reason was cut off; it is never taken for an answer.
The system text and the first message are marked for the provider's cache, as they are the same in
every request of a run.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from rewardsmith.errors import UsageError
from rewardsmith.llm.access import find_access
from rewardsmith.llm.catalogue import check_model
from rewardsmith.llm.failures import CutOff, provider_errors, refused_parameter
from rewardsmith.llm.protocol import FinishReason, Message, Reply, Request, Usage
from rewardsmith.llm.text import whole_text

if TYPE_CHECKING:
    from anthropic.types import Message as Answer

KEY_VARIABLE = "ANTHROPIC_API_KEY"
FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}

_CACHED = {"type": "ephemeral"}

logger = logging.getLogger(__name__)


class AnthropicProvider:
    """Answers requests through the Messages API.

    Args:
        base_url: address of a compatible server or gateway; None for Anthropic or
            ``ANTHROPIC_BASE_URL``.

    Raises:
        UsageError: no key, a bad address, or the SDK is not installed.
    """

    name = "anthropic"

    def __init__(self, base_url: str | None = None) -> None:
        self._access = find_access(self.name, KEY_VARIABLE, "ANTHROPIC_BASE_URL", base_url)
        try:
            import anthropic
        except ImportError as error:
            raise UsageError(
                f"the anthropic package cannot be loaded: {error}", "pip install anthropic"
            ) from error
        self._client = anthropic.Anthropic(
            api_key=self._access.key, base_url=self._access.base_url, max_retries=0
        )
        self._refusals = (anthropic.BadRequestError, anthropic.UnprocessableEntityError)
        self._left_out: dict[str, set[str]] = {}  # model -> parameters that it does not take

    def check(self, model: str, timeout_s: float) -> None:
        """See :class:`rewardsmith.llm.protocol.Provider`."""
        models = self._client.with_options(timeout=timeout_s).models
        check_model(models, model, self._access, binding=self._access.base_url is None)

    def complete(self, request: Request, timeout_s: float) -> Reply:
        """Answer one request; see :class:`rewardsmith.llm.protocol.Provider`."""
        started = time.monotonic()
        with provider_errors(self._access):
            while True:
                try:
                    answer, request_id = self._ask(request, timeout_s)
                    break
                except self._refusals as error:
                    refused = refused_parameter(error, self._options(request))
                    if refused is None:
                        raise
                    logger.warning(
                        "%s does not take %s: left out from now on", request.model, refused
                    )
                    self._left_out.setdefault(request.model, set()).add(refused)
            return read_answer(answer, request_id, round(time.monotonic() - started, 3))

    def _ask(self, request: Request, timeout_s: float) -> tuple[Answer, str]:
        system: Any = [{"type": "text", "text": request.system, "cache_control": _CACHED}]
        messages: Any = [
            {"role": message.role, "content": _content(message, cached=index == 0)}
            for index, message in enumerate(request.messages)
        ]
        with self._client.messages.stream(
            model=request.model.removeprefix(f"{self.name}/"),
            max_tokens=request.max_output_tokens,
            messages=messages,
            timeout=timeout_s,
            extra_body=self._options(request) or None,
            **({"system": system} if request.system else {}),
        ) as stream:
            answer = stream.get_final_message()
            return answer, stream.request_id or answer.id

    def _options(self, request: Request) -> dict[str, object]:
        """What the SDK has no argument for in all its versions, or models do not take any more."""
        effort = None if request.effort is None else {"effort": request.effort}
        options = {"temperature": request.temperature, "output_config": effort}
        left_out = self._left_out.get(request.model, set())
        return {
            name: value
            for name, value in options.items()
            if value is not None and name not in left_out
        }


def _content(message: Message, cached: bool) -> Any:
    sources = [
        {"type": "base64", "media_type": image.media_type, "data": image.data}
        for image in message.images
    ]
    text = {
        "type": "text",
        "text": message.content,
        **({"cache_control": _CACHED} if cached else {}),
    }
    return [*({"type": "image", "source": source} for source in sources), text]


def read_answer(answer: Answer, request_id: str, latency_s: float) -> Reply:
    """The reply in a finished message.

    Raises:
        CutOff: the stream ended before the model did.
    """
    if answer.stop_reason is None:
        raise CutOff("the stream ended before the answer was complete")
    text = "".join(block.text for block in answer.content if block.type == "text")
    return Reply(
        text=whole_text(text),
        finish_reason=FINISH.get(answer.stop_reason, "other"),
        usage=read_usage(answer.usage),
        model=str(answer.model),
        latency_s=latency_s,
        request_id=str(request_id or ""),
    )


def read_usage(usage: Any) -> Usage:
    """Convert Anthropic's counts: its input tokens exclude cache reads and writes; ours do not."""
    plain = getattr(usage, "input_tokens", None)
    read, written = (
        getattr(usage, f"cache_{part}_input_tokens", None) for part in ("read", "creation")
    )
    details = getattr(usage, "output_tokens_details", None)
    return Usage(
        input_tokens=None if plain is None else plain + (read or 0) + (written or 0),
        cached_tokens=read,
        output_tokens=getattr(usage, "output_tokens", None),
        reasoning_tokens=getattr(details, "thinking_tokens", None),
        cache_write_tokens=written,
    )
