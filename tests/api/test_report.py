"""The page of a run: one file, complete and correct, with all foreign text escaped."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.api import runs as api
from rewardsmith.api.report import charts
from rewardsmith.errors import NoProgram, UsageError
from rewardsmith.types import Interval
from tests.support.command_line import call, refused
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import REPLIES, asked_of, design, recorded
from tests.support.lineworld import write_task

VOID = {"meta", "line", "circle", "polyline", "br"}
EVIL = "<script>alert('x')</script>"


class Page(HTMLParser):
    """The content of a page; fails if tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [str(value) for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def run(tmp_path: Path) -> api.Run:
    return design(str(write_task(tmp_path / "line")), tmp_path)


def page_of(run: api.Run) -> tuple[Page, str]:
    text = run.report().read_text(encoding="utf-8")
    return Page(text), text


def test_the_page_is_one_file_that_asks_for_nothing(run: api.Run) -> None:
    page, text = page_of(run)
    assert not re.search(r"https?://|<script|<link|<img|@import|url\(", text)
    sections = [
        "result",
        "reward",
        "programs-scored",
        "curves",
        "behaviour",
        "quality",
        "programs",
        "costs",
        "again",
    ]
    assert page.ids == sections
    assert len(text) < 200_000


def test_it_says_what_the_run_says(run: api.Run) -> None:
    page, _ = page_of(run)
    best, state = run.best, run.state
    assert best.source.strip() in page.text
    for shown in (
        f"{best.score.mean:.3g}",
        str(best.native),
        run.folder.name,
        f"{state.steps:,}",
        best.id,
    ):
        assert shown in page.text
    for entry in state.slots.values():
        assert all(finding in page.text for finding in entry.findings)
    assert "refused: RS108" in page.text  # the misspelt one
    assert "report seeds from 1000, 2 a side" in page.text
    assert page.tags.count("details") >= len(state.slots)


def test_what_changed_since_the_parent(tmp_path: Path) -> None:
    run = design(str(write_task(tmp_path / "line")), tmp_path)
    _, text = page_of(run)
    assert '<span class="added">+' in text and '<span class="gone">-' in text


def test_foreign_text_is_escaped(tmp_path: Path) -> None:
    task = write_task(tmp_path / "line")
    file = task / "task.toml"
    file.write_text(file.read_text().replace("Reach the right end", f"Reach {EVIL} the right end"))
    replies: list[dict[str, Any]] = [dict(reply) for reply in REPLIES]
    replies[0]["text"] = replies[0]["text"].replace(
        "import numpy as np", f"import numpy as np\n\n# {EVIL}\n"
    )
    replies[0]["text"] += f"\n{EVIL}"
    replies[1]["text"] = (
        f"{EVIL}\n```python\ndef reward(positon):\n    return {{'{EVIL}': positon}}\n```"
    )
    run = design(str(task), tmp_path, replies=recorded(replies))
    page, text = page_of(run)
    assert "<script" not in text and "script" not in page.tags
    assert page.text.count(EVIL) >= 4
    assert EVIL not in run._repr_html_()


def test_a_run_without_a_score_has_a_page(tmp_path: Path) -> None:
    refused_only = [{**reply, "text": "no code here"} for reply in REPLIES if reply["attempt"] == 0]
    with pytest.raises(NoProgram):
        design(str(write_task(tmp_path / "line")), tmp_path, replies=recorded(refused_only))
    (folder,) = (tmp_path / "runs").iterdir()
    page, _ = page_of(api.load_run(folder))
    assert "No program has a score" in page.text and "reward" not in page.ids


def test_the_page_shows_the_cost_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.crash_driver import Slots, answer

    monkeypatch.setenv("OPENAI_API_KEY", "k" * 20)
    Slots().install(monkeypatch.setattr)
    with FakeLLM(answer) as fake:
        run = asked_of(fake, str(write_task(tmp_path / "line")), tmp_path, price=(1.0, 2.0))
    page, _ = page_of(run)
    assert f"{run.state.tokens:,}" in page.text and "$" in page.text


# ------------------------------------------------------------------------------------------------
# charts


def test_dots_stand_where_their_numbers_are() -> None:
    rows = [
        charts.Dot("a", Interval(0.0, None, None, 1)),
        charts.Dot("<b>", Interval(1.0, 0.5, 1.5, 3), "best"),
    ]
    svg = charts.dots(rows, mark=2.0, mark_label="solved")
    Page(svg)
    x = [float(value) for value in re.findall(r'<circle[^>]* cx="([\d.]+)"', svg)]
    low, high = map(float, re.findall(r'<line class="best" x1="([\d.]+)" x2="([\d.]+)"', svg)[0])
    mark = float(re.findall(r'<line class="mark" x1="([\d.]+)"', svg)[0])
    assert x[0] < low < x[1] < high < mark
    assert (
        high - x[1]
        == pytest.approx(x[1] - low, abs=0.2)
        == pytest.approx((x[1] - x[0]) / 2, abs=0.2)
    )
    assert "&lt;b&gt;" in svg and "<b>" not in svg


def test_lines_of_nothing_and_of_one_value() -> None:
    assert charts.lines([]) == "" == charts.lines([charts.Line("a", [])])
    Page(
        charts.lines([charts.Line("a", [(0.0, 1.0), (10.0, 1.0)]), charts.Line("b", [(0.0, 1.0)])])
    )


# ------------------------------------------------------------------------------------------------
# the command line


def test_commands(tmp_path: Path, run: api.Run) -> None:
    done = call(tmp_path, "report", run.folder.name, "-o", "page.html")
    assert done.returncode == 0 and (tmp_path / "page.html").stat().st_size > 5000
    done = call(tmp_path, "report", run.folder.name, "-o", "page.html/page.html")
    refused(done, 3, says="cannot write", hints="writable")
    other = design(str(tmp_path / "line"), tmp_path, report_seeds=3)
    done = call(tmp_path, "compare", run.folder.name, other.folder.name)
    assert done.returncode == 0
    assert f"{other.folder.name} compared with {run.folder.name}: the difference" in done.stdout
    rows = json.loads(
        call(tmp_path, "compare", run.folder.name, other.folder.name, "--json").stdout
    )
    assert [row["run"] for row in rows] == [run.folder.name, other.folder.name]
    # The same programs, and seeds that both have: no difference at all.
    no_difference = {"mean": 0.0, "low": 0.0, "high": 0.0, "seeds": 2}
    assert rows[1]["difference"] == {**no_difference, "p": 1.0, "further_seeds": None}
    assert "is not significant" in rows[1]["proof"]


def test_only_runs_of_one_task_are_compared(tmp_path: Path, run: api.Run) -> None:
    other = design(str(write_task(tmp_path / "another", discrete=True)), tmp_path)
    with pytest.raises(UsageError, match="different tasks"):
        run.compare(other)
    with pytest.raises(UsageError, match="one run"):
        run.compare()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium here")
def test_nothing_overflows_on_a_phone(tmp_path: Path, run: api.Run) -> None:
    page = run.report()
    probe = tmp_path / "probe.html"
    measure = "document.title = document.documentElement.scrollWidth + '/' + document.documentElement.clientWidth"
    text = page.read_text(encoding="utf-8").replace("</main>", f"</main><script>{measure}</script>")
    probe.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,900", "--dump-dom", probe.as_uri()],
        capture_output=True, text=True, timeout=800, check=True,
    )  # fmt: skip
    found = re.search(r"<title>(\d+)/(\d+)</title>", done.stdout)
    assert found is not None and int(found[1]) <= int(found[2])
