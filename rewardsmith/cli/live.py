"""A run as it goes on: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rewardsmith.cli.command import Output
from rewardsmith.cli.summary import duration, number, program_table
from rewardsmith.engine.observer import Observer, TrialProgress
from rewardsmith.events import Event
from rewardsmith.program import NATIVE
from rewardsmith.state import RunState
from rewardsmith.store import RunFolder

if TYPE_CHECKING:
    from rewardsmith.planning import Plan


@contextmanager
def watching(output: Output, planned: Plan | None = None) -> Iterator[Observer]:
    """An observer that shows the run on stderr; also notes how to resume it after Ctrl-C."""
    console = output.notes
    if output.quiet:
        yield _Noting(output)
    elif console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=False) as live:
            yield _Table(output, live, planned)
    else:
        yield _Lines(output)


class _Noting(Observer):
    """Remembers the run's name."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begun(self, run: RunFolder) -> None:
        self._output.resume_hint = f"rewardsmith resume {run.name}"
        if run.path.parent.name != "runs":
            self._output.resume_hint += f" --runs {run.path.parent}"
        self._output.notes.print(f"run: {run.path}", soft_wrap=True)


class _Lines(_Noting):
    """One line per thing that happened; for logs and pipes."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._begun = time.monotonic()

    def doing(self, what: str) -> None:
        self._line(what + " …")

    def event(self, event: Event, state: RunState) -> None:
        text = describe(event)
        if text:
            self._line(text)

    def _line(self, text: str) -> None:
        self._output.notes.print(f"{time.monotonic() - self._begun:7.1f} s  {text}", markup=False, soft_wrap=True)


class _Table(_Noting):
    """Programs, their trials and scores, and a line that says what goes on and how long it may take."""

    def __init__(self, output: Output, live: Live, planned: Plan | None) -> None:
        super().__init__(output)
        self._live = live
        self._total = planned.strategy.planned_trials() + 2 * planned.config.report_seeds if planned else 0
        self._begun = time.monotonic()
        self._done_before: int | None = None
        self._doing = "starting"
        self._state = RunState()
        self._running: Sequence[TrialProgress] = ()

    def doing(self, what: str) -> None:
        self._doing = what
        self._show()

    def event(self, event: Event, state: RunState) -> None:
        if self._done_before is None:
            self._done_before = len(state.trials)
        self._state = state
        for warning in event.data.get("warnings", []) if event.kind == "preflight" else []:
            self._output.notes.print(f"warning: {warning}", style="yellow", markup=False)
        self._show()

    def progress(self, trials: Sequence[TrialProgress]) -> None:
        self._running = trials
        self._show()

    def _show(self) -> None:
        parts: list[Table | Text] = [program_table(self._state, one_line=True)] if self._state.slots else []
        bars = _bars(self._running)
        if self._running:
            parts.append(bars)
        self._live.update(Group(*parts, self._status()))

    def _status(self) -> Text:
        state = self._state
        elapsed = time.monotonic() - self._begun
        words = [self._doing, duration(elapsed), f"{state.steps:,} steps", f"{state.tokens:,} tokens"]
        left = self._left(elapsed)
        if left is not None:
            words.append(f"at most {duration(left)} left")
        return Text("  ·  ".join(words), style="cyan")

    def _left(self, elapsed: float) -> float | None:
        """An upper estimate: as if every sample of every round were valid and trained."""
        done = len(self._state.trials) - (self._done_before or 0)
        partly = sum(trial.steps / trial.total for trial in self._running)
        if not self._total or done + partly < 1:
            return None
        return max(0.0, (self._total - len(self._state.trials) - partly) * elapsed / (done + partly))


def _bars(trials: Sequence[TrialProgress]) -> Table:
    table = Table.grid(padding=(0, 2))
    for trial in trials:
        share = min(1.0, trial.steps / trial.total)
        filled = round(24 * share)
        bar = Text("━" * filled, style="green") + Text("━" * (24 - filled), style="bright_black")
        name = "native reward" if trial.program == NATIVE else trial.program
        fitness = "" if trial.fitness is None else f"fitness in training {number(trial.fitness)}"
        table.add_row(f"  {name}", f"seed {trial.seed}", bar, f"{100 * share:3.0f} %", fitness)
    return table


def describe(event: Event) -> str:
    """One line about an event; empty for those that only the fold needs."""
    data = event.data
    if event.kind == "preflight":
        fitness = data["random_fitness"]
        warnings = "".join(f"\n           warning: {warning}" for warning in data["warnings"])
        return f"random behaviour has fitness {number(sum(fitness) / len(fitness))}{warnings}"
    if event.kind == "judged":
        where = "round {} sample {}".format(*(part + 1 for part in data["slot"][:2]))
        if data["accepted"]:
            return f"{where}: program {data['program']} accepted"
        return f"{where}: refused, {data['findings'][0] if data['findings'] else 'no reason given'}"
    if event.kind == "tried":
        name = "native reward" if data["program"] == NATIVE else f"program {data['program']}"
        outcome = f"fitness {number(data['fitness'])}" if data["status"] == "finished" else data["message"]
        return f"{name}, {data['rung']} seed {data['seed']}: {outcome}"
    if event.kind == "stopped":
        return f"search ended: {data['reason']}"
    return ""
