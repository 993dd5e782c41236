"""OpenAI, and servers with its chat completions: Ollama, vLLM, llama.cpp, LM Studio, gateways.

All of them support chat completions, with old and new SDKs. They accept different parameters, and
reject others only in a request: the limit on the output is called ``max_completion_tokens`` by
OpenAI and ``max_tokens`` by most others, reasoning models reject a temperature, and others an
effort. A rejected parameter is replaced or left out once, and remembered for that model.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from rewardsmith.errors import UsageError
from rewardsmith.llm.access import find_access
from rewardsmith.llm.catalogue import check_model
from rewardsmith.llm.failures import Unreadable, provider_errors, refused_parameter
from rewardsmith.llm.protocol import FinishReason, Message, Reply, Request, Usage
from rewardsmith.llm.text import whole_text

LIMITS = ("max_completion_tokens", "max_tokens")
FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "filter"}

logger = logging.getLogger(__name__)


class OpenAIProvider:
    """Answers requests through chat completions.

    Args:
        base_url: address of a compatible server, up to and with ``/v1``; None for the default.
        name: the prefix of its models; ``<NAME>_API_KEY`` and ``<NAME>_BASE_URL`` are its
            environment variables.
        default_url: where it is when nothing else is said; None for OpenAI itself.
        any_model: the server answers to any model's name.

    Raises:
        UsageError: no key, a bad address, or the SDK is not installed.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        name: str = "openai",
        default_url: str | None = None,
        any_model: bool = False,
    ) -> None:
        self.name = name
        self._any_model = any_model
        prefix = name.upper()
        self._access = find_access(
            name, f"{prefix}_API_KEY", f"{prefix}_BASE_URL", base_url, default_url
        )
        try:
            import openai
        except ImportError as error:
            raise UsageError(
                f"the openai package cannot be loaded: {error}", "pip install openai"
            ) from error
        self._client = openai.OpenAI(
            api_key=self._access.key, base_url=self._access.base_url, max_retries=0
        )
        self._refusals = (openai.BadRequestError, openai.UnprocessableEntityError)
        self._limit: dict[str, str] = {}  # model -> name of the output limit that it takes
        self._left_out: dict[str, set[str]] = {}  # model -> parameters that it does not take

    def check(self, model: str, timeout_s: float) -> None:
        """See :class:`rewardsmith.llm.protocol.Provider`; gateways may accept unlisted names."""
        gateway = self.name == "openai" and self._access.base_url is not None
        models = self._client.with_options(timeout=timeout_s).models
        check_model(models, model, self._access, binding=not (gateway or self._any_model))

    def complete(self, request: Request, timeout_s: float) -> Reply:
        """Answer one request; see :class:`rewardsmith.llm.protocol.Provider`."""
        started = time.monotonic()
        with provider_errors(self._access):
            completion = self._ask(request, timeout_s)
            return read_completion(completion, request, round(time.monotonic() - started, 3))

    def _ask(self, request: Request, timeout_s: float) -> Any:
        adapted: set[str] = set()
        while True:
            options = self._options(request)
            try:
                return self._client.chat.completions.create(
                    model=request.model.removeprefix(f"{self.name}/"),
                    messages=message_form(request),
                    timeout=timeout_s,
                    **options,
                )
            except self._refusals as error:
                refused = refused_parameter(error, options)
                kind = "limit" if refused in LIMITS else refused
                if refused is None or kind is None or kind in adapted:
                    raise
                adapted.add(kind)
                self._adapt(request.model, refused)

    def _options(self, request: Request) -> dict[str, Any]:
        limit = self._limit.get(
            request.model, LIMITS[0] if self._access.base_url is None else LIMITS[1]
        )
        options = {
            limit: request.max_output_tokens,
            "temperature": request.temperature,
            "reasoning_effort": request.effort,
        }
        left_out = self._left_out.get(request.model, set())
        return {
            name: value
            for name, value in options.items()
            if value is not None and name not in left_out
        }

    def _adapt(self, model: str, refused: str) -> None:
        if refused in LIMITS:
            self._limit[model] = LIMITS[1] if refused == LIMITS[0] else LIMITS[0]
        else:
            self._left_out.setdefault(model, set()).add(refused)
        logger.warning("%s does not take %s: left out or replaced from now on", model, refused)


def message_form(request: Request) -> Any:
    """The conversation as chat completions take it."""
    system = [{"role": "system", "content": request.system}] if request.system else []
    return [
        *system,
        *({"role": message.role, "content": _content(message)} for message in request.messages),
    ]


def _content(message: Message) -> Any:
    """Plain text where there is nothing else: every server takes that."""
    if not message.images:
        return message.content
    urls = [f"data:{image.media_type};base64,{image.data}" for image in message.images]
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [*images, {"type": "text", "text": message.content}]


def read_completion(completion: Any, request: Request, latency_s: float) -> Reply:
    """The reply in a completion; the SDK does not check what it was sent, so this does.

    Raises:
        Unreadable: there is no choice with a message in it.
    """
    choices: Any = getattr(completion, "choices", None)
    message = (
        getattr(choices[0], "message", None) if isinstance(choices, list) and choices else None
    )
    if message is None:
        content = getattr(completion, "error", None) or completion
        raise Unreadable(f"expected a chat completion, found {str(content)[:200]!r}")
    refusal = getattr(message, "refusal", None)
    text = getattr(message, "content", None) or refusal or ""
    finish: FinishReason = (
        "refusal" if refusal else FINISH.get(str(choices[0].finish_reason), "other")
    )
    return Reply(
        text=whole_text(str(text)),
        finish_reason=finish,
        usage=read_usage(getattr(completion, "usage", None)),
        model=str(getattr(completion, "model", None) or request.model),
        latency_s=latency_s,
        request_id=str(
            getattr(completion, "_request_id", None) or getattr(completion, "id", None) or ""
        ),
    )


def read_usage(usage: Any) -> Usage:
    """Convert OpenAI's counts: prompt tokens include cached ones, completion tokens reasoning."""
    prompt, output = (
        getattr(usage, f"{part}_tokens_details", None) for part in ("prompt", "completion")
    )
    return Usage(
        input_tokens=count(getattr(usage, "prompt_tokens", None)),
        cached_tokens=count(getattr(prompt, "cached_tokens", None)),
        output_tokens=count(getattr(usage, "completion_tokens", None)),
        reasoning_tokens=count(getattr(output, "reasoning_tokens", None)),
        cache_write_tokens=count(getattr(prompt, "cache_write_tokens", None)),
    )


def count(value: Any) -> int | None:
    """A number of tokens, or None for anything that is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
