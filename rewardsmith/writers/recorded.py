"""Replies from a file, by (round, sample, attempt): for demos, tests and runs without a key.

    {"model": "who wrote them", "recorded": "2026-11-23", "note": "...",
     "replies": [{"round": 0, "sample": 0, "attempt": 0, "text": "..."}, ...]}

A reply may have a ``finish_reason`` ("length" where the token limit ended it). A missing repair
counts as an empty reply; a missing first attempt is an error in the file.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from rewardsmith.errors import UsageError
from rewardsmith.llm.protocol import FinishReason
from rewardsmith.types import Slot

REPLIES = "replies.json"  # in the folder of a run whose writer is a file


class RecordedReply(BaseModel):
    """One reply and the slot that it answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    round: int
    sample: int
    attempt: int = 0
    text: str
    finish_reason: FinishReason = "stop"


class RecordedReplies(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    recorded: str = ""
    note: str = ""
    replies: tuple[RecordedReply, ...]

    def reply(self, slot: Slot) -> RecordedReply | None:
        """The reply to a slot; None when the file has none."""
        found = [
            reply for reply in self.replies if (reply.round, reply.sample, reply.attempt) == slot
        ]
        return found[0] if found else None

    def check(self, rounds: int, samples: int) -> None:
        """Check that a file answers every first attempt of a run.

        Raises:
            UsageError: naming the first slot that has no reply.
        """
        for number in range(rounds):
            for sample in range(samples):
                if self.reply(Slot(number, sample)) is None:
                    raise UsageError(
                        f"the file has no reply for round {number}, sample {sample} (from 0)",
                        "choose fewer rounds or samples, or add the reply to the file",
                    )


def load_replies(path: Path) -> RecordedReplies:
    """Read a file of replies.

    Raises:
        UsageError: it does not exist, or its content is invalid.
    """
    try:
        return RecordedReplies.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the replies {path}: {error.strerror}", "give the path of a JSON file"
        ) from None
    except (ValidationError, UnicodeDecodeError) as error:
        where = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        place = ".".join(map(str, where)) or "the file"
        raise UsageError(
            f"{path} does not hold recorded replies: {place} is wrong",
            'write {"model": "me", "replies": [{"round": 0, "sample": 0, "text": "..."}]}',
        ) from None
