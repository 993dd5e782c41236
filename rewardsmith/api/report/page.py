"""The facts of a run in the page's template, written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2

from rewardsmith.api.report.facts import facts
from rewardsmith.llm.prompts import percent
from rewardsmith.run.folder import REPORT, RunFolder, write_whole
from rewardsmith.run.trials import TrialProgress
from rewardsmith.run.wording import number


class LivePart(NamedTuple):
    """What a page has that follows its run.

    Attributes:
        version: of the page; the script asks for it and loads the page anew when it differs.
        nonce: of the script.
        running: whether a process carries out the run now.
        trials: those that are under way.
    """

    version: str
    nonce: str
    running: bool
    trials: Sequence[TrialProgress]


def page(run: RunFolder, live: LivePart | None = None) -> str:
    """The page of a run, also of one that is not finished.

    Args:
        live: for a page that follows the run. While it is under way, the order of recorded episodes
            is not evaluated, which takes seconds.

    Raises:
        RunError: the run is damaged.
    """
    found = facts(run, appraised=live is None or not live.running)
    return template("page.html.j2").render(**vars(found), live=live)


def template(name: str) -> jinja2.Template:
    """A template of this folder, which escapes what it is given."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": percent}
    return environment.get_template(name)


def report_run(run: RunFolder, target: str | Path | None = None) -> Path:
    """Write the page of a run; returns its path.

    Args:
        target: where to; ``report.html`` in the run's folder by default.

    Raises:
        RunError: the run is damaged, or the file cannot be written.
    """
    path = Path(target) if target is not None else run.path / REPORT
    write_whole(path, page(run))
    return path
