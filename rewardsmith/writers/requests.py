"""One request to a writer, and the name it has in the run."""

from __future__ import annotations

from typing import NamedTuple

from rewardsmith.llm.protocol import Message, Request
from rewardsmith.run.config import RunConfig
from rewardsmith.run.orders import Write
from rewardsmith.writers.conversation import Conversation

_NOBODYS_MODEL = {
    "replies": "scripted/replies",
    "person": "ask/person",
    "grammar": "grammar/search",
    "questions": "questions/template",
}


class Asked(NamedTuple):
    """A request with its name in the run."""

    order: Write
    request: Request
    occurrence: int

    @property
    def name(self) -> tuple[str, int]:
        """The request's digest, and the how-manieth time it is asked, from 0."""
        return self.request.digest, self.occurrence


def make_request(config: RunConfig, conversation: Conversation, longer: int = 0) -> Request:
    """The conversation as a request of the run's model.

    Args:
        longer: how often the limit of the answer is doubled.
    """
    return Request(
        model=config.model or _NOBODYS_MODEL[config.writer],  # it must name one
        system=conversation.system,
        messages=tuple(Message(said.role, said.text) for said in conversation.messages),
        max_output_tokens=config.max_output_tokens * 2**longer,
        temperature=config.temperature,
        effort=config.effort,
    )
