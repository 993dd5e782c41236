"""Asks a model outside the loop of a run: each request is paid for once, and costs are added up."""

from __future__ import annotations

import dataclasses

from rewardsmith.api.providers import patient_provider
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import prices_of
from rewardsmith.llm.protocol import Request
from rewardsmith.llm.sizes import charged
from rewardsmith.run.settings import RunSettings
from rewardsmith.types import Slot


class Asker:
    """Sends requests that have no reply yet.

    Args:
        log: of the replies.

    Attributes:
        sent: requests that were sent.
        cost_usd: of these; None if the price is unknown.

    Raises:
        UsageError: the model is unknown, or it has no key.
    """

    def __init__(self, model: str, settings: RunSettings, log: ReplyLog) -> None:
        self._provider = patient_provider(model, settings)
        self._prices = prices_of(model, settings.price, settings.base_url)
        self._timeout_s, self._log = settings.llm_timeout_s, log
        self.sent, self.cost_usd = 0, 0.0 if self._prices.known else None

    def reply(self, request: Request, occurrence: int = 0) -> str:
        """The reply to a request, from the log if it is there.

        Args:
            occurrence: number of earlier equal requests.

        Raises:
            BoundaryError: the provider failed.
            RunError: the reply could not be logged.
        """
        known = self._log.get(request.digest, occurrence)
        if known is not None:
            return known.text
        reply = self._provider.complete(request, self._timeout_s)
        if reply.cost_usd is None:
            cost = self._prices.cost(charged(request, reply))
            reply = dataclasses.replace(reply, cost_usd=cost)
        self._log.put(request, occurrence, reply, Slot(0, 0))
        self.sent += 1
        if self.cost_usd is not None:
            self.cost_usd += reply.cost_usd or 0.0
        return reply.text
