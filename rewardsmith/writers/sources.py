"""A Write order -> a reply. Bought once: the log is asked first, and written before anything else happens."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from rewardsmith.errors import UsageError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import FREE, Prices
from rewardsmith.llm.protocol import NOTHING_USED, Provider, Reply
from rewardsmith.llm.replay import Tape
from rewardsmith.llm.sizes import charged
from rewardsmith.writers.recorded import REPLIES, RecordedReplies
from rewardsmith.writers.requests import Asked


class Source(Protocol):
    """Where replies come from that are not in the run's log yet."""

    @property
    def prices(self) -> Prices:
        """What its replies cost."""

    def answer(self, asked: Asked) -> Reply | None:
        """The reply; None where there is none yet and somebody has to bring it.

        Raises:
            BoundaryError: the provider failed.
        """


class Writer:
    """Answers requests of the run: from its log where they are known, else from the source, and then in the log."""

    def __init__(self, source: Source, log: ReplyLog) -> None:
        self._source = source
        self._log = log

    @property
    def prices(self) -> Prices:
        """What new replies cost."""
        return self._source.prices

    def reply(self, asked: Asked) -> Reply | None:
        """The reply; None where there is none yet and somebody has to bring it.

        Raises:
            BoundaryError: the provider failed; nothing was written.
            RunError: the reply could not be written, or a replayed run does not hold it.
        """
        request, occurrence = asked.request, asked.occurrence
        known = self._log.get(request.digest, occurrence)
        if known is not None:
            return known
        reply = self._source.answer(asked)
        if reply is not None:
            if reply.cost_usd is None:
                reply = dataclasses.replace(
                    reply, cost_usd=self.prices.cost(charged(request, reply))
                )
            self._log.put(request, occurrence, reply, asked.order.slot)
        return reply


class ModelSource:
    """A language model answers."""

    def __init__(self, provider: Provider, prices: Prices, timeout_s: float) -> None:
        self.prices = prices
        self._provider = provider
        self._timeout_s = timeout_s

    def answer(self, asked: Asked) -> Reply:
        """Ask the model."""
        return self._provider.complete(asked.request, self._timeout_s)


class FileSource:
    """A file answers, by slot, whatever was asked; at no cost."""

    prices = FREE

    def __init__(self, replies: RecordedReplies) -> None:
        self._replies = replies

    def answer(self, asked: Asked) -> Reply:
        """Read the reply; empty where the file has no repair."""
        slot = asked.order.slot
        recorded = self._replies.reply(slot)
        if recorded is None and slot.attempt == 0:
            wanted = f'{{"round": {slot.round}, "sample": {slot.sample}, "text": "..."}}'
            hint = f"add {wanted} to {REPLIES} in the run's folder, then resume"
            raise UsageError(f"the replies have none for {slot}", hint)
        if recorded is None:
            return Reply("", "other", NOTHING_USED, self._replies.model, 0.0)
        return Reply(recorded.text, recorded.finish_reason, NOTHING_USED, self._replies.model, 0.0)


class TapeSource:
    """A recorded run answers, strictly: the same request the same number of times, or an error. No network."""

    def __init__(self, tape: Tape, prices: Prices) -> None:
        self.prices = prices  # those of the recorded run: its budget decides as it did
        self._tape = tape

    def answer(self, asked: Asked) -> Reply:
        """Look the reply up."""
        return self._tape.reply(asked.request, asked.occurrence, asked.order.slot)


class PersonSource:
    """Somebody brings the replies, see :mod:`rewardsmith.api.search`; until then there are none."""

    prices = FREE

    def answer(self, asked: Asked) -> None:
        """Nothing yet."""
