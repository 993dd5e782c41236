"""The page that follows a run, over real HTTP."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import rewardsmith as rs
from rewardsmith.api.report.live import LivePages, live_page
from rewardsmith.api.report.loopback import Loopback
from rewardsmith.engine.observer import Observer
from rewardsmith.errors import UsageError
from rewardsmith.run.event import Event
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.inbox import left_events
from rewardsmith.run.state import RunState
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design
from tests.support.lineworld import write_task

WORDS = json.dumps({"words": "Walk to the right."}).encode()


@pytest.fixture
def run(tmp_path: Path, executor: FakeExecutor) -> rs.Run:
    return design(str(write_task(tmp_path / "line")), tmp_path, executor=executor)


@pytest.fixture
def live(run: rs.Run) -> Iterator[Loopback]:
    page = live_page(run)
    with page.serving():
        yield page


def asked(
    live: Loopback, place: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, str, dict[str, str]]:
    address = urlsplit(live.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 0)
    try:
        connection.request(method, place, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.headers)
    finally:
        connection.close()


def path(live: Loopback, place: str = "") -> str:
    return urlsplit(live.url).path + place


def origin(live: Loopback) -> str:
    return f"http://{urlsplit(live.url).netloc}"


def test_the_page_is_the_report_and_has_its_version(live: Loopback, run: rs.Run) -> None:
    status, text, headers = asked(live, path(live))
    assert status == 200 and text.startswith("<!doctype html>")
    assert run.best.source.splitlines()[0] in text and "rewardsmith resume" in text
    _, version, _ = asked(live, path(live, "version"))
    assert f'let version = "{version}"' in text
    (nonce,) = re.findall(r'<script nonce="([^"]+)"', text)
    policy = headers["Content-Security-Policy"]
    assert f"script-src 'nonce-{nonce}'" in policy and "default-src 'none'" in policy
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:|//)", text), "nothing from outside"


def test_the_exported_report_has_no_script(run: rs.Run) -> None:
    text = run.report().read_text(encoding="utf-8")
    assert "<script" not in text and 'id="say"' not in text


@pytest.mark.parametrize("place", ["/", "/version", "/x/", "/{token}x/", "/{token}/report"])
def test_without_its_token_there_is_no_page(live: Loopback, place: str) -> None:
    status, text, _ = asked(live, place.format(token=live.token))
    assert status == 404 and live.token not in text


def test_another_host_or_origin_is_refused(live: Loopback, run: rs.Run) -> None:
    assert asked(live, path(live), Host="evil.example")[0] == 403
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert asked(live, path(live, "say"), "POST", WORDS, **headers)[0] == 403
    assert not run.state.comments


def test_a_comment_reaches_the_run(live: Loopback, run: rs.Run) -> None:
    _, before, _ = asked(live, path(live, "version"))
    status, text, _ = asked(live, path(live, "say"), "POST", WORDS, Origin=origin(live))
    assert status == 200 and "rewardsmith resume runs one more round" in text
    assert list(run.state.comments.values()) == [["Walk to the right."]]
    assert asked(live, path(live, "version"))[1] != before
    with run.folder.lock():
        status, text, _ = asked(live, path(live, "say"), "POST", WORDS, Origin=origin(live))
        assert status == 200 and "takes it soon" in text
        assert "Under way" in asked(live, path(live))[1]
    assert len(list(left_events(run.folder))) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 413), (b"x" * 10_001, 413), (b"words", 400), (b"[]", 400), (b'{"words": " "}', 409)],
)
def test_what_is_no_comment_is_refused(
    live: Loopback, run: rs.Run, body: bytes, status: int
) -> None:
    assert asked(live, path(live, "say"), "POST", body, Origin=origin(live))[0] == status
    assert not run.state.comments


class Watching(Observer):
    """Looks at the page after each event."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.run: rs.Run | None = None

    def begun(self, run: RunFolder) -> None:
        self.run = rs.load_run(run.path)

    def event(self, event: Event, state: RunState) -> None:
        assert self.run is not None
        self.pages.append(LivePages(self.run, "nonce").text())


def test_the_page_can_be_read_after_every_event(tmp_path: Path, executor: FakeExecutor) -> None:
    watching = Watching()
    task = str(write_task(tmp_path / "line"))
    run = design(task, tmp_path, observer=watching, executor=executor)
    assert len(watching.pages) == len(list(run.folder.events()))
    assert all("Under way" in text for text in watching.pages)
    assert "No program has a score so far" in watching.pages[0]
    assert run.best.source.splitlines()[0] in watching.pages[-1]


def test_a_port_that_is_taken_is_a_clear_error(live: Loopback, run: rs.Run) -> None:
    port = urlsplit(live.url).port or 0
    with pytest.raises(UsageError, match=f"port {port} cannot be used"):
        live_page(run, port)
