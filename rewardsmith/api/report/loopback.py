"""A web server for pages that are served on this machine only.

The address contains a random token. Requests with another Host header are refused, so that no other
site can reach a page through a name that it lets resolve to this machine; posts from another origin
are refused as well. The pages load nothing from outside.
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
from typing import Any, NamedTuple, Protocol

from rewardsmith.errors import RewardsmithError, UsageError

_LOOPBACK = "127.0.0.1"
_LONGEST = 10_000  # bytes of a post
_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; "
    "script-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HTML = "text/html; charset=utf-8"


class Response(NamedTuple):
    """An answer to a request."""

    status: int
    body: str | bytes
    kind: str = "text/plain; charset=utf-8"


NO_PAGE = Response(404, "there is no such page")


class Pages(Protocol):
    """What a server shows."""

    def get(self, place: str) -> Response:
        """The page at a place below the token."""

    def post(self, place: str, content: Any) -> Response:
        """Take JSON that a page sends."""


class Loopback:
    """A server on this machine.

    Args:
        pages: what it shows.
        port: 0 takes a free one.

    Attributes:
        url: of the first page, with the token.

    Raises:
        UsageError: the port is taken.
    """

    def __init__(self, pages: Pages, nonce: str, port: int = 0) -> None:
        self.pages, self.nonce = pages, nonce
        self.token = secrets.token_urlsafe(16)
        try:
            self._server = ThreadingHTTPServer((_LOOPBACK, port), partial(_Handler, self))
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be used: {error.strerror}", "leave out --port"
            ) from error
        self.hosts = {f"{name}:{self._server.server_port}" for name in (_LOOPBACK, "localhost")}
        self.url = f"http://{_LOOPBACK}:{self._server.server_port}/{self.token}/"

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


class _Handler(BaseHTTPRequestHandler):
    """Answers one request.

    Args:
        server: what it is a part of.
    """

    server_version, sys_version = "rewardsmith", ""

    def __init__(self, loopback: Loopback, *rest: object) -> None:
        self._loopback = loopback
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """A page."""
        place = self._place()
        if place is not None:
            self._send(_answered(lambda: self._loopback.pages.get(place), 503))

    def do_POST(self) -> None:
        """What a page sends, as JSON."""
        place = self._place()
        if place is None:
            return
        origin = self.headers.get("Origin", "").removeprefix("http://")
        length = int(self.headers.get("Content-Length") or 0)
        if origin not in self._loopback.hosts:
            self._send(Response(403, "posts are taken from the page itself only"))
        elif not 0 < length <= _LONGEST:
            self._send(Response(413, f"a post has at most {_LONGEST:,} bytes"))
        else:
            self._post(place, self.rfile.read(length))

    def _post(self, place: str, body: bytes) -> None:
        try:
            content = json.loads(body)
        except ValueError:
            self._send(Response(400, "expected JSON"))
        else:
            self._send(_answered(lambda: self._loopback.pages.post(place, content), 409))

    def _place(self) -> str | None:
        """What is requested below the token; None after a refusal was sent."""
        if self.headers.get("Host", "") not in self._loopback.hosts:
            self._send(Response(403, "this page is for this machine only"))
            return None
        token, _, place = self.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self._loopback.token.encode()):
            self._send(NO_PAGE)
            return None
        return place.partition("?")[0]

    def _send(self, response: Response) -> None:
        status, text, kind = response
        body = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", _POLICY.format(nonce=self._loopback.nonce))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing: the address in a log would contain the token."""


def _answered(work: Any, status: int) -> Response:
    """The response of some work; an error of ours with this status."""
    try:
        response: Response = work()
    except RewardsmithError as error:
        return Response(status, error.message)
    return response
