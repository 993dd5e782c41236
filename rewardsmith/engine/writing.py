"""A Write order -> a reply. Bought once: the log is asked first, and written before anything else happens."""

from __future__ import annotations

from typing import Protocol

from rewardsmith.coder.compose import Conversation
from rewardsmith.coder.scripted import RecordedReplies
from rewardsmith.config import RunConfig
from rewardsmith.errors import UsageError
from rewardsmith.llm.log import ReplyLog, complete_once
from rewardsmith.llm.protocol import NOTHING_USED, Message, Provider, Reply, Request
from rewardsmith.types import Slot


class Writer(Protocol):
    """Answers requests of the run."""

    def reply(self, request: Request, occurrence: int, slot: Slot) -> Reply:
        """The reply, from the log where it is known.

        Raises:
            BoundaryError: the provider failed.
        """


class ModelWriter:
    """A language model answers."""

    def __init__(self, provider: Provider, log: ReplyLog, timeout_s: float) -> None:
        self._provider = provider
        self._log = log
        self._timeout_s = timeout_s

    def reply(self, request: Request, occurrence: int, slot: Slot) -> Reply:
        """From the log where it is known, else from the model."""
        return complete_once(self._provider, self._log, request, occurrence, slot, self._timeout_s)


class ScriptedWriter:
    """A file answers, by position; its replies are logged like a model's, at no cost."""

    def __init__(self, replies: RecordedReplies, log: ReplyLog) -> None:
        self._replies = replies
        self._log = log

    def reply(self, request: Request, occurrence: int, slot: Slot) -> Reply:
        """From the file, by slot; empty where the file has no repair."""
        known = self._log.get(request.digest, occurrence)
        if known is not None:
            return known
        recorded = self._replies.reply(slot)
        if recorded is None and slot.attempt == 0:
            raise UsageError(f"the replies have none for {slot}", "ask for fewer rounds or samples")
        if recorded is None:
            reply = Reply("", "other", NOTHING_USED, self._replies.model, 0.0)
        else:
            reply = Reply(recorded.text, recorded.finish_reason, NOTHING_USED, self._replies.model, 0.0)
        self._log.put(request, occurrence, reply, slot)
        return reply


def make_request(config: RunConfig, conversation: Conversation) -> Request:
    """The conversation as a request of the run's model."""
    return Request(
        model=config.model or "scripted/replies",
        system=conversation.system,
        messages=tuple(Message(said.role, said.text) for said in conversation.messages),
        max_output_tokens=config.max_output_tokens,
        temperature=config.temperature,
    )
