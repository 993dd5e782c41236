"""The page on which a person compares episodes, served by this process."""

from __future__ import annotations

import getpass
from contextlib import ExitStack
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Self

from rewardsmith.api.grid_labelling import GridLabelling
from rewardsmith.api.labelling import Labelling
from rewardsmith.api.report.label import LabelPages, label_page
from rewardsmith.api.runs import RUNS, Run
from rewardsmith.engine.workers.executor import HERE
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.names import open_run


class LabelServer:
    """A page that is served until it is closed; also a context manager.

    Attributes:
        session: the questions, and the answers so far.
        url: of the page, with a token; only this machine can reach it.
    """

    def __init__(self, session: Labelling | GridLabelling, port: int = 0) -> None:
        page = label_page(session, port)
        assert isinstance(page.pages, LabelPages)
        self.session, self.url = session, page.url
        self._open = ExitStack()
        self._open.enter_context(page.serving())
        self._open.enter_context(page.pages.filmed(HERE))

    def close(self) -> None:
        """End the page; every answer is in the run already."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        """What a notebook shows: a link to the page."""
        link = f'<a href="{escape(self.url)}" target="_blank">compare episodes</a>'
        return f"{link} of {escape(self.session.run.name)}, as {escape(self.session.by)}"


def label(
    run: Run | RunFolder | str | Path,
    *,
    by: str | None = None,
    pairs: int = 20,
    clips: int = 2,
    port: int = 0,
    runs: str | Path = RUNS,
) -> LabelServer:
    """Serve the page on which a person compares episodes of a run.

    Args:
        run: the run, its name, or ``last``.
        by: name of the labeller; your user name by default.
        pairs: how many questions are asked at most.
        clips: how many episodes are shown at a time: 2, or 3 to 6, of which the best and the worst
            are chosen.
        port: of the page; a free one by default.
        runs: folder in which runs are looked up by name.

    Raises:
        UsageError: the run has too few finished trainings, or the port is taken.
        RunError: there is no such run.

    Example:
        page = rs.label("last", by="Ann")  # in a notebook, the last line of a cell shows the link
        page.close()
        run = rs.load_run("last").resume(rounds=1)
    """
    folder = _folder(run, Path(runs))
    name = by or _user()
    if clips == 2:
        return LabelServer(Labelling(folder, name, pairs), port)
    return LabelServer(GridLabelling(folder, name, clips, pairs), port)


def _folder(run: Run | RunFolder | str | Path, runs: Path) -> RunFolder:
    if isinstance(run, RunFolder):
        return run
    return run.folder if isinstance(run, Run) else open_run(run, runs)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # of a container without users
        return "user"
