"""The facts of a run in the page's template, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import jinja2

from rewardsmith.api.report.facts import facts
from rewardsmith.llm.prompts import percent
from rewardsmith.run.folder import REPORT, RunFolder, write_whole
from rewardsmith.run.wording import number


def report_run(run: RunFolder, target: str | Path | None = None) -> Path:
    """Write the page of a run, also of one that is not finished; returns its path.

    Args:
        target: where to; ``report.html`` in the run's folder by default.

    Raises:
        RunError: the run is damaged, or the file cannot be written.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": percent}
    path = Path(target) if target is not None else run.path / REPORT
    write_whole(path, environment.get_template("page.html.j2").render(**vars(facts(run))))
    return path
