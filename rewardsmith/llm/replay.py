"""The ``llm.jsonl`` of one run as the only source of replies for another.

Strict: a request is answered if it was asked, word for word and as often, when the tape was
recorded. One that was not is an error that shows where it differs from the nearest recorded one;
nothing is ever asked of a model.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from rewardsmith.errors import RunError
from rewardsmith.llm.log import Line, read_lines
from rewardsmith.llm.protocol import Reply, Request
from rewardsmith.types import Slot

_MOST_LINES = 30  # of a diff


class Tape:
    """Recorded replies by (digest of the request, occurrence).

    Raises:
        RunError: the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise RunError(
                f"there is no recording {path}",
                "a run that asked a model keeps its replies in llm.jsonl",
            )
        self._lines = {line.key: line for line in read_lines(path)}

    def __iter__(self) -> Iterator[Line]:
        """All lines, by slot."""
        return iter(sorted(self._lines.values(), key=lambda line: line.slot))

    def reply(self, request: Request, occurrence: int, slot: Slot) -> Reply:
        """The reply to the ``occurrence``-th time (from 0) that this was asked.

        Raises:
            RunError: it was not, with the difference to the nearest request that was.
        """
        found = self._lines.get((request.digest, occurrence))
        if found is None:
            difference = self._difference(request, slot)
            raise RunError(
                f"{self.path} holds no reply to what is asked for {slot}{difference}",
                "the task, the prompts or the trainings differ from the recorded run's; "
                "--by-position takes the reply of the same round and sample all the same",
            )
        return found.reply

    def _difference(self, request: Request, slot: Slot) -> str:
        """The differing lines of the recorded request of the same slot, else the most similar."""
        wanted = readable(request).splitlines()

        def likeness(line: Line) -> float:
            recorded = readable(line.request).splitlines()
            return difflib.SequenceMatcher(None, recorded, wanted).ratio()

        near = next((line for line in self if line.slot == slot), None)
        near = near or max(self, key=likeness, default=None)
        if near is None:
            return ": it is empty"
        recorded = readable(near.request).splitlines()
        lines = list(
            difflib.unified_diff(
                recorded, wanted, f"recorded for {near.slot}", "asked now", n=1, lineterm=""
            )
        )
        if not lines:
            return ": it was asked fewer times than now"
        more = [f"… and {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
        return ":\n" + "\n".join([*lines[:_MOST_LINES], *more])


def readable(request: Request) -> str:
    """A request as text: its settings, then what it says."""
    settings = f"model {request.model}, at most {request.max_output_tokens} tokens"
    settings += f", temperature {request.temperature}, effort {request.effort}"
    turns = [f"--- {message.role} ---\n{message.content}" for message in request.messages]
    return "\n".join([settings, f"--- system ---\n{request.system}", *turns])
