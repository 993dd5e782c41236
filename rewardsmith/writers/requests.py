"""A request to a writer, and its identity in the run."""

from __future__ import annotations

from typing import NamedTuple

from rewardsmith.llm.protocol import Request
from rewardsmith.run.config import RunConfig
from rewardsmith.run.orders import Write
from rewardsmith.writers.conversation import Conversation

# A request must name a model: these stand for the writers that use none.
_MODEL_NAMES = {
    "replies": "scripted/replies",
    "user": "ask/user",
    "grammar": "grammar/search",
    "questions": "questions/template",
}


class RunRequest(NamedTuple):
    """A request of a run.

    Attributes:
        order: the order that it carries out.
        occurrence: number of earlier equal requests of the run.
    """

    order: Write
    request: Request
    occurrence: int

    @property
    def name(self) -> tuple[str, int]:
        """The digest and the occurrence: its key in the log of replies."""
        return self.request.digest, self.occurrence


def make_request(config: RunConfig, conversation: Conversation, longer: int = 0) -> Request:
    """The conversation as a request of the run's model.

    Args:
        longer: how often the token limit of the reply is doubled.
    """
    return Request(
        model=config.model or _MODEL_NAMES[config.writer],
        system=conversation.system,
        messages=conversation.messages,
        max_output_tokens=config.max_output_tokens * 2**longer,
        temperature=config.temperature,
        effort=config.effort,
    )
