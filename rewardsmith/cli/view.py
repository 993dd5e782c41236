"""A run as tables: its programs, its trials, and bars of what is training now. Nothing here prints."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from rewardsmith.engine.feedback import read_curve
from rewardsmith.engine.observer import TrialProgress
from rewardsmith.program import NATIVE
from rewardsmith.state import RunState, SlotState
from rewardsmith.store import RunFolder
from rewardsmith.train.jobs import TrialJob
from rewardsmith.types import Interval, Slot

BAR = 24
_FINDING = re.compile(r"^(RS\d+) \w+(?: \((line \d+)\))?: (.*?)(?: — .*)?$", re.DOTALL)


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"


def money(usd: float) -> str:
    """Dollars with as many digits as matter."""
    return f"${usd:.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.1g}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def short_score(score: Interval | None) -> str:
    """Mean and half the width of the interval."""
    if score is None:
        return ""
    if score.low is None or score.high is None:
        return number(score.mean)
    return f"{number(score.mean)} ±{(score.high - score.low) / 2:.2g}"


def short_finding(finding: str) -> str:
    """Code, line and message of a finding, without what to do about it."""
    found = _FINDING.match(finding)
    if found is None:
        return finding
    code, line, message = found.groups()
    return " ".join(part for part in (code, line and f"{line}:", message) if part)


def place(slot: Slot) -> str:
    """Round, sample and repair, as short as can be: 2.1, or 2.1 r1."""
    return f"{slot.round + 1}.{slot.sample + 1}" + (f" r{slot.attempt}" if slot.attempt else "")


def program_table(state: RunState, running: Sequence[TrialProgress] = (), most: int | None = None) -> Table:
    """What was written, round by round, and what came of it.

    Args:
        running: trials that go on now.
        most: rows at most; the oldest are left out, never the best.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0), expand=False)
    for name, width in (("round", 8), ("program", 12), ("what came of it", None), ("selection", 10), ("report", 10)):
        table.add_column(name, no_wrap=width is not None, min_width=width)
    best = next(iter(state.ranked()), None)
    entries = sorted(state.slots.items())
    hidden = 0 if most is None else max(0, len(entries) - most)
    busy = {trial.program for trial in running}
    for index, (slot, entry) in enumerate(entries):
        is_best = entry.program is not None and entry.program == best and state.programs[best] == slot
        if index < hidden and not is_best:
            continue
        name = ("* " if is_best else "  ") + place(slot)
        told = Text(outcome(state, slot, entry, busy), no_wrap=True, overflow="ellipsis")  # the column that gives way
        table.add_row(
            name,
            entry.program or "-",
            told,
            *_scores(state, slot, entry.program),
            style="green" if is_best else "" if entry.accepted or not entry.settled else "bright_black",
        )
    if state.trials_of(NATIVE, "report") or NATIVE in busy:
        table.add_row("", "native", "the environment's own reward", "", short_score(state.score(NATIVE, "report")))
    if hidden:
        table.caption = f"{hidden} earlier ones are not shown"
    return table


def outcome(state: RunState, slot: Slot, entry: SlotState, busy: set[str]) -> str:
    """What came of a request, in a few words."""
    if not entry.settled:
        return "being checked"
    program = entry.program
    if not entry.accepted or program is None:
        return f"refused: {short_finding(entry.findings[0])}" if entry.findings else "refused"
    if state.programs[program] != slot:
        return f"the same as {place(state.programs[program])}"
    trials = state.trials_of(program, "selection")
    broken = next((trial.message for trial in trials if trial.status != "finished"), None)
    if broken is not None:
        return f"training failed: {broken}"
    if program in busy:
        return "in training" if state.score(program) is None else "in training for the report"
    if not trials:
        return "accepted"
    rates = [trial.success_rate for trial in trials if trial.success_rate is not None]
    solved = f", {100 * sum(rates) / len(rates):.0f} % solved" if rates else ""
    return f"trained on {len(trials)} seed{'s' * (len(trials) > 1)}{solved}"


def _scores(state: RunState, slot: Slot, program: str | None) -> tuple[str, str]:
    if program is None or state.programs.get(program) != slot:
        return "", ""
    selection, report = (short_score(state.score(program, rung)) for rung in ("selection", "report"))
    return selection, report


def bars(trials: Sequence[TrialProgress], most: int, ascii_only: bool = False) -> Table:
    """A bar for each running trial, those that got furthest first where there is no room for all."""
    table = Table.grid(padding=(0, 2))
    shown = sorted(trials, key=lambda trial: -trial.steps)[:most] if len(trials) > most else trials
    full, empty = ("#", "-") if ascii_only else ("━", "─")
    for trial in shown:
        share = min(1.0, trial.steps / trial.total)
        filled = round(BAR * share)
        bar = Text(full * filled, "green") + Text(empty * (BAR - filled), "bright_black")
        phase = "waiting" if not trial.steps else "measuring" if share >= 1.0 else f"{100 * share:3.0f} %"
        fitness = "" if trial.fitness is None else f"fitness {number(trial.fitness)}"
        table.add_row(f"  {trial.program}", f"seed {trial.seed}", bar, phase, fitness)
    if len(trials) > len(shown):
        table.add_row(f"  and {len(trials) - len(shown)} more")
    return table


def trial_table(state: RunState) -> Table:
    """Every training with what it came to."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("program", "for", "seed", "fitness", "solved", "own return", "steps", "time"):
        table.add_column(name, no_wrap=True, justify="left" if name in ("program", "for") else "right")
    in_order = sorted(state.trials.items(), key=lambda item: (item[0][2] != "selection", item[0]))
    for (program, seed, rung), trial in in_order:
        rate = "-" if trial.success_rate is None else f"{100 * trial.success_rate:.0f} %"
        cells = [number(trial.fitness), rate, number(trial.own_return), f"{trial.steps:,}", duration(trial.wall_s)]
        table.add_row(program, rung, str(seed), *cells, style="" if trial.status == "finished" else "red")
    return table


def unfinished_trials(run: RunFolder) -> list[TrialProgress]:
    """Trials that were begun and have no result yet, from the run's folder."""
    found = []
    for path in sorted(run.path.glob("programs/*/trials/*/job.json")):
        if (path.parent / "result.json").exists():
            continue
        job = TrialJob.model_validate_json(path.read_text(encoding="utf-8"))
        rows = read_curve(run, job.program, job.rung, job.seed)
        seen = [row["fitness"] for row in rows if row.get("fitness") is not None]
        steps = int(rows[-1]["steps"] or 0) if rows else 0
        found.append(TrialProgress(job.program, job.seed, job.rung, steps, job.steps, seen[-1] if seen else None))
    return found
