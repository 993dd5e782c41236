"""The number of tokens of a request, estimated before it is sent and without a service.

Tokenizers differ; English prose and code have three and a half to five bytes per token in all of
today's. The estimate is three bytes per token; the upper bound, for which a budget reserves money,
is two.
"""

from __future__ import annotations

from rewardsmith.llm.protocol import Reply, Request, Usage

GUESSED_BYTES, FEWEST_BYTES = 3.0, 2.0  # a token
_PER_MESSAGE = 16  # tokens around each message
_PER_IMAGE = 5000  # tokens, the most that any provider counts for one of a size that it takes


def most_used(request: Request) -> Usage:
    """Upper estimate of a request: all input written to a cache, and output up to its limit."""
    tokens = _input_tokens(request, FEWEST_BYTES)
    return Usage(tokens, 0, request.max_output_tokens, 0, tokens)


def charged(request: Request, reply: Reply) -> Usage:
    """What is counted for a reply: what the provider said, or a guess where it said nothing."""
    usage = reply.usage
    read = (
        _input_tokens(request, GUESSED_BYTES) if usage.input_tokens is None else usage.input_tokens
    )
    written = tokens_in(reply.text) if usage.output_tokens is None else usage.output_tokens
    return Usage(
        read, usage.cached_tokens, written, usage.reasoning_tokens, usage.cache_write_tokens
    )


def tokens_in(text: str, bytes_per_token: float = GUESSED_BYTES) -> int:
    """About how many tokens a text is."""
    return round(len(text.encode()) / bytes_per_token)


def _input_tokens(request: Request, bytes_per_token: float) -> int:
    texts = [request.system, *(message.content for message in request.messages)]
    images = sum(len(message.images) for message in request.messages)
    return (
        sum(tokens_in(text, bytes_per_token) + _PER_MESSAGE for text in texts) + images * _PER_IMAGE
    )
