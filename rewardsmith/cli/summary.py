"""The result of a run as text and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from rewardsmith.run.folder import REPORT
from rewardsmith.run.scores import interval_json, native_difference
from rewardsmith.run.wording import (
    number,
    only_part,
    proof,
    screening_counts,
    spent,
)
from rewardsmith.types import Interval, Slot

if TYPE_CHECKING:
    from rewardsmith.api.runs import Run
    from rewardsmith.run.best import Best
    from rewardsmith.run.state import RunState


def summary(run: Run, name: str | None = None) -> Table:
    """The result of a run that has a program with a score.

    Args:
        name: name of the run on the command line; with it the next commands are shown.
    """
    best, state = run.best, run.state
    lines = _lines()
    lines.add_row(
        "best",
        Text(best.id, "bold green").append(f" ({_origin(state, best.id)})", "not bold default"),
    )
    lines.add_row(
        "fitness",
        f"{_over(best.score)}{_against(best, run.folder.config().report_seeds)}",
        style="bold",
    )
    proof = _proof(state, best)
    if proof:
        lines.add_row("", proof)
    solved = run.folder.task().spec.fitness.solved
    if solved is not None:
        word = "yes" if best.score.mean >= solved else "no"
        lines.add_row("solved", f"{word}, the task is solved at a mean fitness of {number(solved)}")
    lines.add_row("sandbox", _confined(run.folder.manifest()["sandbox"]["level"]))
    screened = screening_counts(state)
    if screened:
        lines.add_row("screened", screened)
    lines.add_row("spent", spent(state))
    if state.exported:
        lines.add_row(
            "export", str(_from_here(run.folder.export_folder / "reward.py")), style="bold"
        )
    if (run.path / REPORT).exists():
        lines.add_row("report", str(_from_here(run.path / REPORT)), style="bold")
    if name is not None:
        lines.add_row("next", f"rewardsmith show {name}", style="cyan")
        lines.add_row("", f"rewardsmith export {name} -o my_reward.py", style="cyan")
    return lines


def _origin(state: RunState, program: str) -> str:
    return ", ".join(filter(None, [str(state.programs[program]), only_part(state, program)]))


def _confined(level: str) -> str:
    if level == "strong":
        return level
    return f"{level}: generated code was not fully confined, see rewardsmith doctor"


def summary_json(run: Run) -> dict[str, Any]:
    """The result of a run as JSON; ``best`` is None while no program has a score."""
    state, task = run.state, run.folder.task()
    best = run.best if state.ranked() else None
    solved = task.spec.fitness.solved
    programs = [_slot_json(state, slot) for slot in sorted(state.slots)]
    return {
        "run": run.folder.name,
        "path": str(run.path),
        "task": task.name,
        "stopped": state.stopped,
        "sandbox": run.folder.manifest()["sandbox"]["level"],
        "exported": str(run.folder.export_folder) if state.exported else None,
        "report": str(run.path / REPORT) if (run.path / REPORT).exists() else None,
        "best": None if best is None else _best_json(state, best, solved),
        "spent": {
            "requests": state.requests,
            "tokens": state.tokens,
            "usd": state.usd if not state.unpriced else None,
            "steps": state.steps,
            "active_s": round(state.active_s, 3),
        },
        "screened": state.screen_verdicts(),
        "warnings": list(state.preflight.warnings) if state.preflight is not None else [],
        "programs": programs,
        "trials": [vars(state.trials[key]) for key in sorted(state.trials)],
    }


def _slot_json(state: RunState, slot: Slot) -> dict[str, Any]:
    entry = state.slots[slot]
    program = entry.program
    return {
        "slot": list(slot),
        "program": program,
        "accepted": entry.accepted,
        "findings": list(entry.findings),
        "parents": list(entry.parents),
        "outcome": entry.outcome or None,
        "tokens": entry.tokens,
        "usd": entry.usd,
        "selection": interval_json(state.score(program)) if program else None,
        "report": interval_json(state.score(program, "report")) if program else None,
    }


def _proof(state: RunState, best: Best) -> str:
    found = native_difference(state, best.id) if best.rung == "report" else None
    return "" if found is None else proof(found, "the native reward")


def _best_json(state: RunState, best: Best, solved: float | None) -> dict[str, Any]:
    return {
        "program": best.id,
        "slot": list(state.programs[best.id]),
        "rung": best.rung,
        "fitness": interval_json(best.score),
        "native": interval_json(best.native),
        "difference": interval_json(native_difference(state, best.id))
        if best.rung == "report"
        else None,
        "solved": None if solved is None else best.score.mean >= solved,
        "source": best.source,
    }


def _over(score: Interval) -> str:
    bounds = (
        ""
        if score.low is None or score.high is None
        else f" [{number(score.low)}, {number(score.high)}]"
    )
    return f"{number(score.mean)}{bounds} over {score.n} seed{'s' * (score.n > 1)}"


def _against(best: Best, report_seeds: int) -> str:
    if best.rung != "report":
        missing = "the report is not finished" if report_seeds else "there was no report"
        return f" that selection used, so optimistic; {missing}"
    if best.native is None:
        return "; the native reward was not trained to the end"
    bounds = (
        ""
        if best.native.low is None
        else f" [{number(best.native.low)}, {number(best.native.high)}]"
    )
    return f"; the native reward, same steps: {number(best.native.mean)}{bounds}"


def _lines() -> Table:
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column(overflow="fold")
    return lines


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
