"""The report of a run as a page that follows it, served on this machine only.

The address contains a random token. Requests with another Host header are refused, so that no other
site can reach the page through a name that it lets resolve to this machine; comments from another
origin are refused as well. The page loads nothing from outside.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from rewardsmith.api.report.page import LivePart, page
from rewardsmith.api.runs import Run
from rewardsmith.errors import RewardsmithError, UsageError

_LOOPBACK = "127.0.0.1"
_LONGEST = 10_000  # bytes of a comment
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _Page(NamedTuple):
    version: str
    text: str


class LivePage:
    """The page of a run.

    Args:
        run: it may be under way, waiting, or ended.
        port: of the server; 0 takes a free one.

    Attributes:
        url: of the page, with its token.

    Raises:
        OSError: the port is taken; :func:`live_page` says so.
    """

    def __init__(self, run: Run, port: int = 0) -> None:
        self.run = run
        self.token, self.nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._server = ThreadingHTTPServer((_LOOPBACK, port), partial(_Handler, self))
        self.hosts = {f"{name}:{self._server.server_port}" for name in (_LOOPBACK, "localhost")}
        self.url = f"http://{_LOOPBACK}:{self._server.server_port}/{self.token}/"
        self._rendering = threading.Lock()
        self._latest: _Page | None = None

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer requests in a thread while the context is open."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self.close()

    def close(self) -> None:
        """Give the port back."""
        self._server.server_close()

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
                part = LivePart(version, self.nonce, running, trials)
                self._latest = _Page(version, page(folder, part))
            return self._latest.text


def _size(path: Path) -> int:
    """Bytes of a file; 0 while it does not exist."""
    return path.stat().st_size if path.exists() else 0


def live_page(run: Run, port: int = 0) -> LivePage:
    """The page of a run.

    Raises:
        UsageError: the port is taken.
    """
    try:
        return LivePage(run, port)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used: {error.strerror}", "leave out --port"
        ) from error


class _Handler(BaseHTTPRequestHandler):
    """Answers one request.

    Args:
        live: the page that is served.
    """

    server_version, sys_version = "rewardsmith", ""

    def __init__(self, live: LivePage, *rest: object) -> None:
        self._live = live
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """The page, or its version."""
        place = self._place()
        if place == "":
            self._send_page()
        elif place == "version":
            self._send(200, self._live.version)
        elif place is not None:
            self._send(404, "there is no such page")

    def _send_page(self) -> None:
        try:
            text = self._live.text()
        except RewardsmithError as error:  # the run is damaged
            self._send(503, error.message)
        else:
            self._send(200, text, "text/html; charset=utf-8")

    def do_POST(self) -> None:
        """A comment of the user, as JSON: ``{"words": "..."}``."""
        place = self._place()
        if place is None:
            return
        origin = self.headers.get("Origin", "").removeprefix("http://")
        length = int(self.headers.get("Content-Length") or 0)
        if place != "say":
            self._send(404, "there is no such page")
        elif origin not in self._live.hosts:
            self._send(403, "comments are taken from the page itself only")
        elif not 0 < length <= _LONGEST:
            self._send(413, f"a comment has at most {_LONGEST:,} bytes")
        else:
            self._say(self.rfile.read(length))

    def _say(self, body: bytes) -> None:
        try:
            words = str(json.loads(body)["words"])
        except (ValueError, KeyError, TypeError):
            self._send(400, 'expected {"words": "..."}')
            return
        try:
            program = self._live.run.say(words)
        except RewardsmithError as error:
            self._send(409, error.message)
            return
        going_on = self._live.run.folder.in_use
        following = (
            "the run takes it soon" if going_on else "rewardsmith resume runs one more round"
        )
        self._send(200, f"feedback on {program} recorded; {following}")

    def _place(self) -> str | None:
        """What is requested below the token; None after a refusal was sent."""
        if self.headers.get("Host", "") not in self._live.hosts:
            self._send(403, "this page is for this machine only")
            return None
        token, _, place = self.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self._live.token.encode()):
            self._send(404, "there is no such page")
            return None
        return place.partition("?")[0]

    def _send(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", _POLICY.format(nonce=self._live.nonce))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing: the address in a log would contain the token."""
