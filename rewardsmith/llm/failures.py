"""What goes wrong between us and a provider, as one kind of error with advice.

Both SDKs raise the same family of exceptions (status codes, connection, timeout), but mid-stream
and on malformed bodies they let through whatever their HTTP library or parser raised. So what
:func:`rewardsmith.errors.boundary` caught
is judged by its status code, its body and its name, never by its type: this file imports no SDK,
and serves providers that others write.

Messages are one line, of bounded length, and never hold the key. Where the original exception holds
it, the original is not chained either, as a traceback would print it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from rewardsmith.errors import BoundaryError, boundary
from rewardsmith.llm.access import Access

LONGEST_DETAIL = 300  # characters of the provider's own message that are passed on

_OVERLONG = re.compile(
    r"context.?(length|window|size)|prompt is too long|too many (input )?tokens", re.I
)
_UNPAID = re.compile(r"insufficient.?quota|credit balance|billing", re.I)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|not support|unrecognized|unknown|not permitted|deprecated", re.I
)
_KINDS_IN_STREAM = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "authentication_error": 401,
    "api_error": 500,
}


class Unreadable(Exception):
    """The provider answered with something that is not an answer."""


class CutOff(Exception):
    """The connection ended before the answer did."""


class _Kind(NamedTuple):
    what: str
    hint: str
    retryable: bool = False
    reason: Literal["", "key", "connection"] = ""


@contextmanager
def provider_errors(access: Access) -> Iterator[None]:
    """Raise a foreign exception as a :class:`BoundaryError` with ``where="provider"``."""
    try:
        with boundary("provider", f"asking {access.provider}"):
            yield
    except BoundaryError as caught:
        error = caught.__cause__
        if not isinstance(error, Exception):  # one of our own, that passed through
            raise
        raise _classified(error, access) from (None if _leaks(error, access) else error)


def refused_parameter(error: Exception, sent: Iterable[str]) -> str | None:
    """The name among ``sent`` that the error says the provider does not accept, if any."""
    if _status(error) not in {400, 422}:
        return None
    body = _body(error)
    text = f"{body.get('param') or ''} {body.get('code') or ''} {_raw_detail(error)}"
    if not _UNSUPPORTED.search(text.replace("_", " ")):
        return None
    named = [
        name for name in sent if re.search(rf"(?<![A-Za-z_]){re.escape(name)}(?![A-Za-z_])", text)
    ]
    return named[0] if named else None


def _classified(error: Exception, access: Access) -> BoundaryError:
    kind, status, detail = _kind(error, access), _status(error), _detail(error, access)
    message = (
        f"{access.provider}: {kind.what}"
        + (f" ({status})" if status else "")
        + (f": {detail}" if detail else "")
    )
    after = _retry_after(error) if kind.retryable else None
    return BoundaryError(
        message,
        kind.hint,
        where="provider",
        retryable=kind.retryable,
        retry_after_s=after,
        reason=kind.reason,
    )


def _kind(error: Exception, access: Access) -> _Kind:
    status, text = _status(error), f"{_body(error).get('code') or ''} {_raw_detail(error)}"
    if status is None:
        return _kind_without_status(error, access)
    if status == 401:
        return _Kind("the key was refused", f"check the key in {access.key_variable}", reason="key")
    if status == 402 or _UNPAID.search(text):
        return _Kind(
            "the account has no credit left", "add credit with the provider, or use another --model"
        )
    if status == 403:
        return _Kind(
            "the key may not use this model",
            f"use another --model, or another key in {access.key_variable}",
        )
    if status == 404:
        check = " and the base URL (it mostly ends in /v1)" if access.base_url else ""
        return _Kind("there is no such model", f"check the model's name{check}")
    if status == 413 or (status in {400, 422} and _OVERLONG.search(text)):
        return _Kind(
            "the request is too long for the model",
            "use a model with a longer context, or shorten the task",
        )
    if status == 429:
        return _Kind(
            "rate limit reached", "wait a little, or make fewer requests at once", retryable=True
        )
    if status in {408, 409, 425} or status >= 500:
        return _Kind("the provider is in trouble", "try again in a while", retryable=True)
    return _Kind("the request was refused", "check the model's name and options")


def _kind_without_status(error: Exception, access: Access) -> _Kind:
    names = " ".join(kind.__name__ for kind in type(error).__mro__)
    if "Timeout" in names:
        hint = "allow more time, or use a faster model"
        return _Kind("no answer in time", hint, retryable=True, reason="connection")
    if isinstance(error, CutOff | ConnectionError) or re.search(
        r"Connection|Transport|Protocol|Network", names
    ):
        where = access.shown_url or "the provider"
        hint = f"check that {where} can be reached from here"
        return _Kind("the connection failed", hint, retryable=True, reason="connection")
    check = (
        ": check the base URL (it mostly ends in /v1)"
        if access.base_url
        else ", or a proxy in between"
    )
    return _Kind(
        "the answer cannot be read", f"the server does not speak this API{check}", retryable=True
    )


def _status(error: Exception) -> int | None:
    """The HTTP status, or for an error within a stream, whose status is 200, one by its kind."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int):
        return None
    if status < 400:
        return _KINDS_IN_STREAM.get(str(_body(error).get("type")), 500)
    return status


def _retry_after(error: Exception) -> float | None:
    """Seconds that the provider asked to wait, from the headers of its refusal."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:  # absent, or a date
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def _body(error: Exception) -> dict[str, object]:
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    return inner if isinstance(inner, dict) else {}


def _raw_detail(error: Exception) -> str:
    message = _body(error).get("message")
    if isinstance(message, str) and message:
        return message
    cause = error.__cause__
    if cause is not None and _status(error) is None and str(cause):
        return f"{error} {cause}"
    return str(error)


def _detail(error: Exception, access: Access) -> str:
    text = " ".join(access.censored(_raw_detail(error)).split())
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


def _leaks(error: BaseException | None, access: Access) -> bool:
    """Whether a traceback of this error or of one before it would show a secret."""
    while error is not None:
        shown = f"{error} {error!r} {getattr(error, 'body', '')}"
        if access.censored(shown) != shown:
            return True
        error = error.__cause__ or error.__context__
    return False
