"""A run in words, tables and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from rewardsmith.program import NATIVE
from rewardsmith.types import Interval

if TYPE_CHECKING:
    from rewardsmith.api import Run
    from rewardsmith.state import RunState, SlotState


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def program_table(state: RunState, *, one_line: bool = False) -> Table:
    """What was written, round by round, and what came of it; ``one_line`` cuts findings short."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("round", "program", "verdict", "fitness", "report"):
        flexible = name == "verdict"
        table.add_column(
            name,
            no_wrap=one_line or not flexible,
            overflow="ellipsis",
            ratio=1 if flexible else None,
            min_width=16 if flexible else None,
        )
    best = next(iter(state.ranked()), None)
    for slot, entry in sorted(state.slots.items()):
        table.add_row(
            f"{slot.round + 1}.{slot.sample + 1}" + (f" repair {slot.attempt}" if slot.attempt else ""),
            entry.program or "-",
            _verdict(state, entry),
            _score(state, entry.program, "selection"),
            _score(state, entry.program, "report"),
            style="bold green" if entry.program is not None and entry.program == best else "",
        )
    if state.trials_of(NATIVE, "report"):
        table.add_row("", "native reward", "", "", _score(state, NATIVE, "report"))
    return table


def summary(run: Run) -> Group:
    """What a finished run came to."""
    best, state = run.best, run.state
    task = run.folder.task()
    lines = Text()
    lines.append("\nbest program ", style="bold").append(best.id, style="bold green")
    lines.append(f"  fitness {_interval(best.score)}", style="bold")
    lines.append(" training seeds that selection never used\n" if best.rung == "report" else " selection seeds\n")
    if best.native is not None:
        lines.append(f"native reward, same steps and seeds  fitness {_interval(best.native)}\n")
    solved = task.spec.fitness.solved
    if solved is not None:
        verdict = "solved" if best.score.mean >= solved else "not solved"
        lines.append(f"{verdict} (the task counts as solved from {number(solved)})\n")
    lines.append(
        f"spent {state.requests} requests, {state.tokens:,} tokens, {state.steps:,} environment steps, "
        f"{duration(state.active_s)}\n"
    )
    lines.append(f"export {run.folder.export_folder}\n")
    lines.append(f"look   rewardsmith show {run.folder.name}\n", style="cyan")
    return Group(lines)


def source_of_best(run: Run) -> Syntax:
    """The best program, coloured."""
    return Syntax(run.best.source, "python", theme="ansi_dark", background_color="default")


def summary_json(run: Run) -> dict[str, Any]:
    """What a run came to, as plain JSON; ``best`` is None while there is none."""
    state = run.state
    ranked = state.ranked()
    best = run.best if ranked else None
    return {
        "run": run.folder.name,
        "path": str(run.path),
        "stopped": state.stopped,
        "best": None
        if best is None
        else {
            "program": best.id,
            "rung": best.rung,
            "fitness": _interval_json(best.score),
            "native": _interval_json(best.native),
            "export": str(run.folder.export_folder),
        },
        "spent": {
            "requests": state.requests,
            "tokens": state.tokens,
            "steps": state.steps,
            "active_s": round(state.active_s, 3),
        },
        "programs": [
            {
                "slot": list(slot),
                "program": entry.program,
                "accepted": entry.accepted,
                "findings": list(entry.findings),
                "selection": _interval_json(state.score(entry.program)) if entry.program else None,
                "report": _interval_json(state.score(entry.program, "report")) if entry.program else None,
            }
            for slot, entry in sorted(state.slots.items())
        ],
    }


def _verdict(state: RunState, entry: SlotState) -> str:
    if not entry.settled:
        return "…"
    if not entry.accepted:
        return f"refused: {entry.findings[0]}" if entry.findings else "refused"
    failed = [trial.message for trial in state.trials_of(entry.program or "", "selection") if trial.message]
    return f"broke in training: {failed[0]}" if failed else "accepted"


def _score(state: RunState, program: str | None, rung: str) -> str:
    score = state.score(program, rung) if program is not None else None
    if score is None:
        return ""
    half = "" if score.low is None or score.high is None else f" ±{(score.high - score.low) / 2:.2g}"
    return number(score.mean) + half


def _interval(score: Interval) -> str:
    bounds = "" if score.low is None or score.high is None else f" [{number(score.low)}, {number(score.high)}]"
    return f"{number(score.mean)}{bounds} over {score.n}"


def _interval_json(score: Interval | None) -> dict[str, Any] | None:
    return None if score is None else {"mean": score.mean, "low": score.low, "high": score.high, "seeds": score.n}
