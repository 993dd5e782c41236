"""How a provider is reached: address and key, found and checked before anything is sent.

The key comes from the environment only, never from a flag or a file of ours, so it cannot end up in a run folder or a
shell history. Servers on an address of the user's own mostly want no key, but the SDKs refuse an empty one: a
placeholder stands in there. A key that is set is sent to that address, which is what gateways expect.
"""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from rewardsmith.errors import UsageError

PLACEHOLDER_KEY = "none"


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
        """The address without any user name and password; empty for the provider's own."""
        parts = urlsplit(self.base_url or "")
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show: the key, and a password in the address."""
        password = urlsplit(self.base_url or "").password
        return tuple(text for text in (self.key, password) if text and text != PLACEHOLDER_KEY)


def find_access(
    provider: str, key_variable: str, url_variable: str, base_url: str | None, default_url: str | None = None
) -> Access:
    """The address asked for, or the one in the environment, or the default, and the key for it.

    Raises:
        UsageError: the address is none, or the key is missing or cannot be one.
    """
    url = base_url or os.environ.get(url_variable, "").strip() or default_url
    if url is not None and not _is_address(url):
        raise UsageError(f"{url!r} is not an address", "expected http://host:port/v1 or https://…")
    key = key_from(key_variable)
    if not key and url is None:
        raise UsageError(f"{provider} needs a key, but {key_variable} is not set", f"export {key_variable}=…")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UsageError(f"{key_variable} holds characters that no key has", "set it again, without quotes or spaces")
    return Access(provider, key_variable, key or PLACEHOLDER_KEY, url)


def key_from(variable: str) -> str:
    """The key in an environment variable without blanks around it; empty when there is none."""
    return os.environ.get(variable, "").strip()


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
