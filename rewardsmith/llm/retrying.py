"""One retry policy for every provider; the retries of the SDKs are off.

Retryable errors are retried: 408, 409, 425, 429, 5xx, 529, dropped connections and unreadable
answers. Waits grow with jitter. A ``Retry-After`` is obeyed if it fits into the time left;
otherwise the error is raised at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_random_exponential

from rewardsmith.errors import BoundaryError
from rewardsmith.llm.protocol import Provider, Reply, Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How often and how long a request is tried.

    Attributes:
        attempts: at most, the first one included.
        first_wait_s: the wait before the second attempt is random up to this, and doubles from
            attempt to attempt.
        longest_wait_s: no wait of our own is longer.
        total_s: no wait is begun that would end later than this after the first attempt.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    total_s: float = 600.0


class RetryingProvider:
    """A provider that tries again.

    Args:
        provider: who answers; must not retry by itself.
        patience: how often and how long.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        provider: Provider,
        patience: Patience = Patience(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._provider = provider
        self._patience = patience
        self._sleep = sleep
        self._backoff = wait_random_exponential(patience.first_wait_s, patience.longest_wait_s)

    @property
    def name(self) -> str:
        """That of the provider."""
        return self._provider.name

    def check(self, model: str, timeout_s: float) -> None:
        """See :class:`rewardsmith.llm.protocol.Provider`; asked once."""
        self._provider.check(model, timeout_s)

    def complete(self, request: Request, timeout_s: float) -> Reply:
        """Answer one request; see :class:`rewardsmith.llm.protocol.Provider`.

        Raises:
            BoundaryError: what the last attempt raised.
        """
        trying = Retrying(
            stop=lambda state: (
                stop_after_attempt(self._patience.attempts)(state) or self._would_be_late(state)
            ),
            wait=self._wait,
            retry=_may_help,
            before_sleep=self._tell,
            sleep=self._sleep,
            reraise=True,
        )
        reply: Reply = trying(self._provider.complete, request, timeout_s)
        return reply

    def _wait(self, state: RetryCallState) -> float:
        """Before the next attempt: what the provider asked for, or our own."""
        error = _error(state)
        asked = error.retry_after_s if error is not None else None
        return self._backoff(state) if asked is None else asked

    def _would_be_late(self, state: RetryCallState) -> bool:
        error = _error(state)
        wait = (error.retry_after_s if error is not None else None) or 0.0
        return (state.seconds_since_start or 0.0) + wait > self._patience.total_s

    def _tell(self, state: RetryCallState) -> None:
        wait = state.next_action.sleep if state.next_action is not None else 0.0
        attempts = f"attempt {state.attempt_number + 1} of {self._patience.attempts}"
        logger.warning("%s: trying again in %.1f s, %s", _error(state), wait, attempts)


def _may_help(state: RetryCallState) -> bool:
    error = _error(state)
    return error is not None and error.retryable


def _error(state: RetryCallState) -> BoundaryError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, BoundaryError) else None
