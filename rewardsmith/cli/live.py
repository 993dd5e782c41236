"""The progress of a run on stderr: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from rewardsmith.cli.command import CommandOutput
from rewardsmith.cli.lines import describe
from rewardsmith.cli.pace import Pace
from rewardsmith.cli.view import bars, program_table
from rewardsmith.engine.observer import Observer
from rewardsmith.run.event import Event
from rewardsmith.run.events import PreflightDone, Resumed, Trained
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judge_events import Compared, ComparisonsAsked
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import TrialProgress
from rewardsmith.run.wording import cost, duration
from rewardsmith.strategy.making import strategy_of

if TYPE_CHECKING:
    from rewardsmith.api.label_server import LabelServer

_PROGRESS_S = 60.0  # seconds between two progress lines


@contextmanager
def watching(output: CommandOutput, page: bool = False) -> Iterator[Observer]:
    """An observer that shows the run as the options of this call say.

    Args:
        page: serve a page that follows the run, until the context ends.
    """
    with ExitStack() as pages, _shown(output) as view, view.resumable():
        view.pages = pages if page else None
        yield view


@contextmanager
def _shown(output: CommandOutput) -> Iterator[_Noting]:
    console = output.notes
    if output.quiet:
        yield _Noting(output)
    elif console.is_terminal and not console.is_dumb_terminal:
        with Live(
            console=console, refresh_per_second=2, transient=True, redirect_stdout=False
        ) as live:
            yield _Table(output, live)
    else:
        yield _Lines(output)


def command_name(path: Path) -> str:
    """The name or path of a run on the command line, from the working folder."""
    here = Path.cwd()
    if path.parent == here / "runs":
        return path.name
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


class _Noting(Observer):
    """Shows the folder of the run and its warnings, and remembers the command to resume it.

    Attributes:
        pages: where the page that follows the run is served; None for no page.
    """

    def __init__(self, output: CommandOutput) -> None:
        self._output = output
        self.pages: ExitStack | None = None
        self._path: Path | None = None
        self._labels: LabelServer | None = None

    @contextmanager
    def resumable(self) -> Iterator[None]:
        """Forget the command if the run failed and left no folder."""
        try:
            yield
        finally:
            self._end_labels()
            if self._path is not None and not self._path.exists():
                self._output.resume_hint = ""

    def begun(self, run: RunFolder) -> None:
        self._path = run.path
        self._output.resume_hint = f"rewardsmith resume {command_name(run.path)}"
        self._output.notes.print(f"run: {run.path}", markup=False, soft_wrap=True)
        if self.pages is not None:
            from rewardsmith.api.report.live import live_page
            from rewardsmith.api.runs import load_run

            page = live_page(load_run(run.path))
            self.pages.enter_context(page.serving())
            self._output.notes.print(f"page: {page.url}", markup=False, soft_wrap=True)

    def event(self, event: Event, state: RunState) -> None:
        if isinstance(event, PreflightDone):
            for warning in event.found.warnings:
                self._output.warn(warning)
        if isinstance(event, ComparisonsAsked | Resumed) and state.asked:
            self._serve_labels()
        elif isinstance(event, Compared):
            self._end_labels()

    def _serve_labels(self) -> None:
        """Serve the page on which the answers are given that the run waits for."""
        from rewardsmith.api.label_server import label

        assert self._path is not None
        self._end_labels()
        self._labels = label(RunFolder(self._path))
        text = f"compare the films, the run waits for it: {self._labels.url}"
        self._output.notes.print(text, markup=False, soft_wrap=True)

    def _end_labels(self) -> None:
        if self._labels is not None:
            self._labels.close()
            self._labels = None


class _Lines(_Noting):
    """One line per event, for logs and pipes."""

    def __init__(self, output: CommandOutput) -> None:
        super().__init__(output)
        self._begun = self._last_line = time.monotonic()

    def doing(self, what: str) -> None:
        self._line(what + " ...")

    def event(self, event: Event, state: RunState) -> None:
        text = describe(event, self._output.verbose)
        if text:
            self._line(text)
        super().event(event, state)

    def progress(self, trials: Sequence[TrialProgress]) -> None:
        if trials and time.monotonic() - self._last_line > _PROGRESS_S:
            done = sum(trial.steps for trial in trials)
            total = sum(trial.total for trial in trials)
            self._line(f"{len(trials)} trainings running: {done:,} of {total:,} training steps")

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        self._output.notes.print(
            f"{self._last_line - self._begun:7.1f} s  {text}", markup=False, soft_wrap=True
        )


class _Table(_Noting):
    """The programs with their trials and scores, and a status line with an estimate of the time."""

    def __init__(self, output: CommandOutput, live: Live) -> None:
        super().__init__(output)
        self._live = live
        self._pace = Pace()
        self._doing = "starting"
        self._state = RunState()
        self._running: Sequence[TrialProgress] = ()

    def begun(self, run: RunFolder) -> None:
        super().begun(run)
        config = run.config()
        self._pace.shape = strategy_of(config).shape
        self._pace.report_trials = 2 * config.report_seeds
        self._show()

    def doing(self, what: str) -> None:
        self._doing = what
        self._running = ()
        self._show()

    def event(self, event: Event, state: RunState) -> None:
        self._state = state
        if isinstance(event, Trained):
            ended = event.trial.key
            self._running = [trial for trial in self._running if trial.key != ended]
        super().event(event, state)
        self._show()

    def progress(self, trials: Sequence[TrialProgress]) -> None:
        self._running = trials
        self._show()

    def _show(self) -> None:
        self._pace.update(self._state, self._running)
        console = self._live.console
        # 6 lines: the header, the native reward, the status, a caption, the cursor, a spare one
        room = max(6, console.height - 6)
        most = min(len(self._running), max(3, room // 2))
        parts: list[RenderableType] = []
        if self._state.slots:
            parts.append(program_table(self._state, self._running, room - most))
        if self._running:
            parts.append(bars(self._running, most, console.options.ascii_only))
        self._live.update(Group(*parts, self._status()))

    def _status(self) -> Text:
        pace = self._pace
        words = [self._doing, duration(pace.elapsed_s), f"{pace.steps:,} environment steps"]
        if self._running and pace.steps_per_s:
            words.append(f"{pace.steps_per_s:,.0f} steps/s")
        if self._state.tokens:
            words.append(f"{self._state.tokens:,} tokens, {cost(self._state)}")
        left = pace.left_s(self._state, self._running)
        if left is not None:
            words.append(f"about {duration(left)} left")
        separator = ", " if self._live.console.options.ascii_only else "  ·  "
        return Text(separator.join(words), "cyan")
