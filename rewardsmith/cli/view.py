"""Tables of a run: its programs, its trials, and progress bars of running trials."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from rewardsmith.cli.tables import column_table
from rewardsmith.program import NATIVE
from rewardsmith.run.orders import SEARCH_RUNGS
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import TrialProgress
from rewardsmith.run.wording import duration, number, outcome, place, short_score
from rewardsmith.types import Slot

BAR = 24


def program_table(
    state: RunState, running: Sequence[TrialProgress] = (), most: int | None = None
) -> Table:
    """The programs, round by round, with the outcome of each.

    Args:
        running: trials that run now.
        most: limit on the rows; the oldest are left out, but never the best.
    """
    table = column_table()
    for name, width in (
        ("round", 8),
        ("program", 12),
        ("outcome", None),
        ("selection", 10),
        ("report", 10),
    ):
        table.add_column(name, no_wrap=width is not None, min_width=width)
    best = state.best
    entries = sorted(state.slots.items())
    hidden = 0 if most is None else max(0, len(entries) - most)
    busy = {trial.program for trial in running}
    for index, (slot, entry) in enumerate(entries):
        is_best = (
            entry.program is not None and entry.program == best and state.programs[best] == slot
        )
        if index < hidden and not is_best:
            continue
        name = ("* " if is_best else "  ") + place(slot)
        # the column that is cut when the terminal is narrow
        result = Text(outcome(state, slot, entry, busy), no_wrap=True, overflow="ellipsis")
        table.add_row(
            name,
            entry.program or "-",
            result,
            *_scores(state, slot, entry.program),
            style="green"
            if is_best
            else ""
            if entry.accepted or not entry.settled
            else "bright_black",
        )
    if state.trials_of(NATIVE, "report") or NATIVE in busy:
        table.add_row(
            "",
            "native",
            "the environment's own reward",
            "",
            short_score(state.score(NATIVE, "report")) if state.has_fitness else "",
        )
    if hidden:
        table.caption = f"{hidden} earlier programs are not shown"
    return table


def _scores(state: RunState, slot: Slot, program: str | None) -> tuple[str, str]:
    if program is None or state.programs.get(program) != slot or not state.has_fitness:
        return "", ""
    selection, report = (
        short_score(state.score(program, rung)) for rung in ("selection", "report")
    )
    return selection, report


def bars(trials: Sequence[TrialProgress], most: int, ascii_only: bool = False) -> Table:
    """A progress bar for each running trial; if there are too many, only the most advanced."""
    table = Table.grid(padding=(0, 2))
    shown = sorted(trials, key=lambda trial: -trial.steps)[:most] if len(trials) > most else trials
    full, empty = ("#", "-") if ascii_only else ("━", "─")
    for trial in shown:
        share = min(1.0, trial.steps / trial.total)
        filled = round(BAR * share)
        bar = Text(full * filled, "green") + Text(empty * (BAR - filled), "bright_black")
        phase = (
            "waiting"
            if not trial.steps
            else "evaluating"
            if share >= 1.0
            else f"{100 * share:3.0f} %"
        )
        fitness = "" if trial.fitness is None else f"fitness {number(trial.fitness)}"
        table.add_row(f"  {trial.program}", f"seed {trial.seed}", bar, phase, fitness)
    if len(trials) > len(shown):
        table.add_row(f"  and {len(trials) - len(shown)} more")
    return table


def trial_table(state: RunState) -> Table:
    """All trials with their results."""
    table = column_table()
    for name in (
        "program",
        "for",
        "seed",
        "fitness",
        "solved",
        "own return",
        "environment steps",
        "time",
    ):
        table.add_column(
            name, no_wrap=True, justify="left" if name in ("program", "for") else "right"
        )
    in_order = sorted(
        state.trials.items(), key=lambda item: (item[0][2] not in SEARCH_RUNGS, item[0])
    )
    for (program, seed, rung), trial in in_order:
        rate = "-" if trial.success_rate is None else f"{100 * trial.success_rate:.0f} %"
        cells = [
            number(trial.fitness if state.has_fitness else None),
            rate,
            number(trial.own_return),
            f"{trial.steps:,}",
            duration(trial.wall_s),
        ]
        table.add_row(
            program, rung, str(seed), *cells, style="" if trial.status == "finished" else "red"
        )
        for note in trial.continued:
            table.add_row("", note, style="bright_black")
    return table
