"""The report of a run as a page that follows it, served on this machine only."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from typing import Any, NamedTuple

from rewardsmith.api.report.loopback import HTML, NO_PAGE, Loopback, Response
from rewardsmith.api.report.page import LivePart, page
from rewardsmith.api.runs import Run


class _Page(NamedTuple):
    version: str
    text: str


class LivePages:
    """The page of a run, its version, and comments on the run.

    Args:
        run: it may be under way, waiting, or ended.
        nonce: of the script.
    """

    def __init__(self, run: Run, nonce: str) -> None:
        self.run = run
        self._nonce = nonce
        self._rendering = threading.Lock()
        self._latest: _Page | None = None

    def get(self, place: str) -> Response:
        """The page, or its version.

        Raises:
            RewardsmithError: the run is damaged.
        """
        if place == "":
            return Response(200, self.text(), HTML)
        return Response(200, self.version) if place == "version" else NO_PAGE

    def post(self, place: str, content: Any) -> Response:
        """A comment of the user: ``{"words": "..."}``.

        Raises:
            RewardsmithError: the comment is empty, or cannot be recorded.
        """
        if place != "say":
            return NO_PAGE
        words = content.get("words") if isinstance(content, dict) else None
        if not isinstance(words, str):
            return Response(400, 'expected {"words": "..."}')
        program = self.run.say(words)
        following = (
            "the run takes it soon"
            if self.run.folder.in_use
            else "rewardsmith resume runs one more round"
        )
        return Response(200, f"feedback on {program} recorded; {following}")

    @property
    def version(self) -> str:
        """Differs when the page would differ."""
        folder = self.run.folder
        going_on = [(trial.key, trial.steps) for trial in folder.unfinished_trials()]
        known = (_size(folder.path / "events.jsonl"), folder.in_use, going_on)
        return f"{hash(repr(known)) & 0xFFFFFFFFFFFFFFFF:016x}"

    def text(self) -> str:
        """The page as it is now; made once for each version.

        Raises:
            RewardsmithError: the run is damaged.
        """
        with self._rendering:
            version = self.version
            if self._latest is None or self._latest.version != version:
                folder = self.run.folder
                running = folder.in_use
                trials = folder.unfinished_trials() if running else []
                part = LivePart(version, self._nonce, running, trials)
                self._latest = _Page(version, page(folder, part))
            return self._latest.text


def _size(path: Path) -> int:
    """Bytes of a file; 0 while it does not exist."""
    return path.stat().st_size if path.exists() else 0


def live_page(run: Run, port: int = 0) -> Loopback:
    """A server of the page of a run.

    Raises:
        UsageError: the port is taken.
    """
    nonce = secrets.token_urlsafe(16)
    return Loopback(LivePages(run, nonce), nonce, port)
