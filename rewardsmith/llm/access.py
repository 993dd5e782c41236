"""How a provider is reached: address and key, found and checked before anything is sent.

The key comes from the environment only, never from a flag or a file of ours, so it cannot end up in
a run folder or a shell history. Servers on an address of the user's own mostly want no key, but the
SDKs refuse an empty one: a placeholder stands in there. A key that is set is sent to that address,
which is what gateways expect.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from rewardsmith.errors import UsageError

PLACEHOLDER_KEY = "none"
_SECRET_NAME = re.compile(r"(^|[_-])(api[_-]?)?(key|token|secret|password|credentials?)$", re.I)
_SHORTEST_SECRET = 8  # characters; what is shorter would censor ordinary words
_SHORTEST_WORD = 4  # characters of a key of the user's own server that is taken out of messages


class Access(NamedTuple):
    """Address and key of one provider.

    Attributes:
        provider: its name, for messages.
        key_variable: the environment variable that the key comes from.
        key: what is sent; only ever looked for in messages to be taken out again.
        base_url: an address of the user's own, None for the provider's.
    """

    provider: str
    key_variable: str
    key: str
    base_url: str | None = None

    @property
    def shown_url(self) -> str:
        """The address, without any user name, password or query; empty for the provider's own."""
        return _censored(self.base_url or "")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show: the key that is sent and all keys in the environment."""
        password = urlsplit(self.base_url or "").password
        own = [text for text in (self.key, password) if text and text != PLACEHOLDER_KEY]
        return (*own, *secrets_in_environment())

    def censored(self, text: str) -> str:
        """A text in which each secret is replaced with ``[secret]``."""
        for secret in self.secrets:
            text = _pattern(secret).sub("[secret]", text)
        return text


def find_access(
    provider: str,
    key_variable: str,
    url_variable: str,
    base_url: str | None,
    default_url: str | None = None,
) -> Access:
    """The address asked for, or the one in the environment, or the default, and the key for it.

    Raises:
        UsageError: the address is none, or the key is missing or cannot be one.
    """
    url = find_address(url_variable, base_url) or default_url
    key = key_from(key_variable)
    if not key and url is None:
        raise UsageError(
            f"{provider} needs a key, but {key_variable} is not set", f"export {key_variable}=…"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UsageError(
            f"{key_variable} holds characters that no key has",
            "set it again, without quotes or spaces",
        )
    return Access(provider, key_variable, key or PLACEHOLDER_KEY, url)


def find_address(url_variable: str, base_url: str | None) -> str | None:
    """The address asked for, or the one in the environment.

    Raises:
        UsageError: it is none, or the one asked for holds a secret, which would be written into run
            folders.
    """
    url = base_url or os.environ.get(url_variable, "").strip() or None
    if url is not None and not _is_address(url):
        raise UsageError(
            f"{_censored(url)!r} is not an address", "expected http://host:port/v1 or https://…"
        )
    if base_url is not None and _holds_secret(base_url):
        address = _censored(base_url)
        message = (
            f"the address {address!r} holds a password or a key, which a run's files would keep"
        )
        raise UsageError(message, f"leave it out of --base-url, or set {url_variable} in its place")
    return url


def key_from(variable: str) -> str:
    """The key in an environment variable without blanks around it; empty when there is none."""
    return os.environ.get(variable, "").strip()


def secrets_in_environment() -> tuple[str, ...]:
    """Values of the variables that are named like keys, tokens and passwords, longest first."""
    values = {value.strip() for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    return tuple(
        sorted((value for value in values if len(value) >= _SHORTEST_SECRET), key=len, reverse=True)
    )


def _pattern(secret: str) -> re.Pattern[str]:
    """Where a text shows a secret; a short one, as local servers accept, only as a whole word.

    Up to three characters are also ordinary words and protect nothing: these are never replaced.
    """
    if len(secret) < _SHORTEST_WORD:
        return re.compile(r"(?!)")  # matches nothing
    whole = len(secret) < _SHORTEST_SECRET
    edges = (r"(?<!\w)", r"(?!\w)") if whole else ("", "")
    return re.compile(edges[0] + re.escape(secret) + edges[1])


def _holds_secret(url: str) -> bool:
    parts = urlsplit(url)
    return "@" in parts.netloc or any(
        _SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query)
    )


def _censored(url: str) -> str:
    parts = url.partition("?")[0].partition("://")
    return parts[0] + parts[1] + parts[2].rpartition("@")[2]


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
