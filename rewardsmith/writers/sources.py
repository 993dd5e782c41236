"""Replies to Write orders: from the log if it has one, else from a source.

A new reply is written to the log before anything else, so that it is paid for only once.
"""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import Future
from typing import Protocol

from rewardsmith.errors import UsageError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import FREE, Prices
from rewardsmith.llm.protocol import NOTHING_USED, Provider, Reply
from rewardsmith.llm.replay import Tape
from rewardsmith.llm.sizes import charged
from rewardsmith.types import Slot
from rewardsmith.writers.recorded import REPLIES, RecordedReplies
from rewardsmith.writers.requests import RunRequest

START = "start.py"  # in the folder of a run that begins with a program of the user


class Source(Protocol):
    """Where replies come from that the run's log does not have."""

    @property
    def prices(self) -> Prices:
        """Prices of its replies."""

    def answer(self, wanted: RunRequest) -> Reply | None:
        """The reply; None where the user has yet to supply it.

        Raises:
            BoundaryError: the provider failed.
        """


class Writer:
    """Answers the requests of a run from its log, or from a source, whose replies it logs."""

    def __init__(self, source: Source, log: ReplyLog) -> None:
        self._source = source
        self._log = log

    @property
    def prices(self) -> Prices:
        """Prices of new replies."""
        return self._source.prices

    def reply(self, wanted: RunRequest) -> Reply | None:
        """The reply; None where the user has yet to supply it.

        Raises:
            BoundaryError: the provider failed; nothing was logged.
            RunError: the reply could not be logged, or a replayed run does not have it.
        """
        request, occurrence = wanted.request, wanted.occurrence
        known = self._log.get(request.digest, occurrence)
        if known is not None:
            return known
        reply = self._source.answer(wanted)
        if reply is not None:
            if reply.cost_usd is None:
                reply = dataclasses.replace(
                    reply, cost_usd=self.prices.cost(charged(request, reply))
                )
            self._log.put(request, occurrence, reply, wanted.order.slot)
        return reply

    def reply_later(self, wanted: RunRequest) -> Future[Reply | None]:
        """The reply, or what :meth:`reply` raises, from a background thread.

        The thread is a daemon: an interrupted run does not wait for the provider.
        """
        future: Future[Reply | None] = Future()

        def run() -> None:
            try:
                future.set_result(self.reply(wanted))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future


class ModelSource:
    """Replies of a language model."""

    def __init__(self, provider: Provider, prices: Prices, timeout_s: float) -> None:
        self.prices = prices
        self._provider = provider
        self._timeout_s = timeout_s

    def answer(self, wanted: RunRequest) -> Reply:
        """Send the request to the model."""
        return self._provider.complete(wanted.request, self._timeout_s)


class FileSource:
    """Replies of a file, by slot, whatever the request; at no cost."""

    prices = FREE

    def __init__(self, replies: RecordedReplies) -> None:
        self._replies = replies

    def answer(self, wanted: RunRequest) -> Reply:
        """The reply of the file; empty where it has no repair."""
        slot = wanted.order.slot
        recorded = self._replies.reply(slot)
        if recorded is None and slot.attempt == 0:
            line = f'{{"round": {slot.round}, "sample": {slot.sample}, "text": "..."}}'
            hint = f"add {line} to {REPLIES} in the run's folder, then resume"
            raise UsageError(f"the file of replies has none for {slot}", hint)
        if recorded is None:
            return Reply("", "other", NOTHING_USED, self._replies.model, 0.0)
        return Reply(recorded.text, recorded.finish_reason, NOTHING_USED, self._replies.model, 0.0)


class StartSource:
    """A program of the user as the first reply; all others are of another source.

    Args:
        source: code of the program.
    """

    def __init__(self, source: str, others: Source) -> None:
        self._text = f"```python\n{source.strip()}\n```"
        self._others = others

    @property
    def prices(self) -> Prices:
        """Prices of the other replies."""
        return self._others.prices

    def answer(self, wanted: RunRequest) -> Reply | None:
        """The program to the first request, which no model gets."""
        if wanted.order.slot != Slot(0, 0):
            return self._others.answer(wanted)
        return Reply(self._text, "stop", NOTHING_USED, "the user", 0.0, cost_usd=0.0)


class TapeSource:
    """Replies of a recorded run, without network.

    A request that the recorded run did not make, or made less often, is an error.
    """

    def __init__(self, tape: Tape, prices: Prices) -> None:
        self.prices = prices  # of the recorded run, so that the budget has the same effect
        self._tape = tape

    def answer(self, wanted: RunRequest) -> Reply:
        """The recorded reply."""
        return self._tape.reply(wanted.request, wanted.occurrence, wanted.order.slot)


class UserSource:
    """The user supplies the replies, see :mod:`rewardsmith.api.search`."""

    prices = FREE

    def answer(self, wanted: RunRequest) -> None:
        """No reply yet."""
