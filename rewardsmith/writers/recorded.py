"""Replies from files, by (round, sample, attempt): for demos, tests and runs without a key.

    {"model": "who wrote them", "recorded": "2026-11-23", "note": "...",
     "replies": [{"round": 0, "sample": 0, "attempt": 0, "text": "..."}, ...]}

A reply may have a ``finish_reason`` ("length" where the token limit ended it). A missing repair
counts as an empty reply; a missing first attempt is an error in the file.

Replies can also be kept without rounds: one text (``.md``, ``.txt`` or ``.py``), a JSON list of
texts, JSON lines, or a folder of texts, in the order of their names. They fill round after round.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rewardsmith.errors import UsageError
from rewardsmith.llm.protocol import FinishReason
from rewardsmith.types import Slot

REPLIES = "replies.json"  # in the folder of a run whose writer is a file
_TEXTS = (".md", ".txt", ".py")
# Keys under which the text of a reply is kept: ours, and those of chat messages and their logs.
_TEXT_KEYS = ("text", "content", "reply", "response")
_FORMS = (
    "give a text (.md, .txt, .py), a folder of texts, a JSON list of texts, or "
    '{"model": "me", "replies": [{"round": 0, "sample": 0, "text": "..."}]}'
)


class RecordedReply(BaseModel):
    """One reply and the slot that it answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    round: int
    sample: int
    attempt: int = 0
    text: str
    finish_reason: FinishReason = "stop"


class RecordedReplies(BaseModel):
    """All replies of a run.

    Attributes:
        listed: they were kept without rounds, so only their order counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    recorded: str = ""
    note: str = ""
    replies: tuple[RecordedReply, ...]
    listed: bool = False

    def placed(self, samples: int) -> RecordedReplies:
        """Listed replies, of which every round takes so many; others stay where they are."""
        if not self.listed:
            return self
        placed = [
            reply.model_copy(update={"round": number // samples, "sample": number % samples})
            for number, reply in enumerate(self.replies)
        ]
        return self.model_copy(update={"replies": tuple(placed)})

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
    """Read replies from a file or a folder, in any of the forms above.

    Raises:
        UsageError: it does not exist, or its content is invalid.
    """
    try:
        if path.is_dir():
            files = sorted(
                (file for file in path.iterdir() if file.suffix in _TEXTS), key=_natural_order
            )
            return _listed(path, [file.read_text(encoding="utf-8") for file in files])
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the replies {path}: {error}", _FORMS) from None
    if path.suffix in _TEXTS:
        return _listed(path, [text])
    try:
        content = _json(text)
        if isinstance(content, list):
            return _listed(path, [_text_of(reply) for reply in content if not _is_question(reply)])
        return RecordedReplies.model_validate(content)
    except ValueError as error:
        where = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        place = ".".join(map(str, where)) or "the file"
        raise UsageError(
            f"{path} does not hold recorded replies: {place} is wrong", _FORMS
        ) from None


def _json(text: str) -> Any:
    """The value of a JSON file, or the list of values of a file of JSON lines."""
    try:
        return json.loads(text)
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _is_question(reply: Any) -> bool:
    """Whether it is a message of a conversation that is no reply."""
    return isinstance(reply, dict) and reply.get("role", "assistant") != "assistant"


def _text_of(reply: Any) -> str:
    """The text of an entry of a list.

    Raises:
        ValueError: it has none.
    """
    if isinstance(reply, dict):
        reply = next((reply[key] for key in _TEXT_KEYS if key in reply), None)
    if not isinstance(reply, str):
        raise ValueError(f"expected a text, found {type(reply).__name__}")
    return reply


def _listed(path: Path, texts: Sequence[str]) -> RecordedReplies:
    if not texts:
        raise UsageError(f"{path} holds no replies", _FORMS)
    replies = [RecordedReply(round=0, sample=n, text=text) for n, text in enumerate(texts)]
    return RecordedReplies(model=path.name, replies=tuple(replies), listed=True)


def _natural_order(file: Path) -> list[tuple[int, str]]:
    """Sort key: reply-2 before reply-10."""
    parts = re.findall(r"\d+|\D+", file.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
