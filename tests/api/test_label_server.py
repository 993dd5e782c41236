"""``rs.label``: the page served by this process, as a notebook uses it."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import rewardsmith as rs
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design
from tests.support.lineworld import write_task


def test_a_page_is_served_until_it_is_closed(tmp_path: Path) -> None:
    run = design(str(write_task(tmp_path / "line")), tmp_path, executor=FakeExecutor(varied=True))
    with rs.label(run, by="<Ann>", pairs=3) as page:
        with urllib.request.urlopen(page.url) as reply:
            assert b"Which of the two is better?" in reply.read()
        shown = page._repr_html_()
        assert page.url in shown and "&lt;Ann&gt;" in shown
        page.session.answer("first")
    assert [one.by for one in run.state.known_judgements()] == ["<Ann>"]
    again = rs.label(run.folder.name, by="Ben", clips=3, runs=tmp_path / "runs")
    with again as grid, urllib.request.urlopen(grid.url) as reply:
        assert b"the best" in reply.read()
