"""So many requests at once, so many a minute, and none while the provider asks everybody to wait.

A limit belongs to the account, not to one request: when a refusal names a time to wait, requests
that were not sent yet wait as well, in place of being refused one after the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rewardsmith.errors import BoundaryError
from rewardsmith.llm.protocol import Provider, Reply, Request

LONGEST_PAUSE_S = 60.0  # for requests that were not refused themselves


class PacedProvider:
    """A provider that is not asked faster than it may be.

    Args:
        provider: who answers.
        at_once: requests that may be open at a time.
        per_minute: requests that may be begun in a minute, evenly spread; None is no limit.
        now, sleep: the clock, seconds.
    """

    def __init__(
        self,
        provider: Provider,
        at_once: int = 8,
        per_minute: float | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._provider = provider
        self._open = threading.BoundedSemaphore(at_once)
        self._apart_s = 60.0 / per_minute if per_minute else 0.0
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._next = 0.0  # when the next request may begin

    @property
    def name(self) -> str:
        """That of the provider."""
        return self._provider.name

    def check(self, model: str, timeout_s: float) -> None:
        """See :class:`rewardsmith.llm.protocol.Provider`."""
        self._provider.check(model, timeout_s)

    def complete(self, request: Request, timeout_s: float) -> Reply:
        """Answer one request in its turn; see :class:`rewardsmith.llm.protocol.Provider`."""
        with self._open:
            self._wait_for_turn()
            try:
                return self._provider.complete(request, timeout_s)
            except BoundaryError as error:
                if error.retry_after_s is not None:
                    self._pause(min(error.retry_after_s, LONGEST_PAUSE_S))
                raise

    def _wait_for_turn(self) -> None:
        with self._lock:
            now = self._now()
            begin = max(now, self._next)
            self._next = begin + self._apart_s
        if begin > now:
            self._sleep(begin - now)

    def _pause(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, self._now() + seconds)
