"""The result of a run as text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from rewardsmith.evidence.diagnosis import native_farmed
from rewardsmith.run.best import shipped_trial
from rewardsmith.run.folder import REPORT
from rewardsmith.run.scores import native_difference, seeds_of
from rewardsmith.run.wording import (
    exploit_line,
    looks_line,
    number,
    only_part,
    policy_line,
    proof,
    screening_counts,
    seeds_line,
    spent,
)
from rewardsmith.types import Interval

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
    seeds = seeds_of(state, best.id, best.rung, solved)
    if seeds is not None:
        lines.add_row("seeds", seeds_line(seeds))
    if solved is not None:
        word = "yes" if best.score.mean >= solved else "no"
        lines.add_row("solved", f"{word}, the task is solved at a mean fitness of {number(solved)}")
    diagnosis, farmed = run.diagnosis, native_farmed(run.folder, state)
    if diagnosis is not None:
        lines.add_row("diagnosis", f"{diagnosis.lever}: {diagnosis.text}")
    if farmed:
        lines.add_row("", farmed)
    looks, exploits = looks_line(state), exploit_line(state.exploits.get(best.id))
    if looks:
        lines.add_row("looks", looks)
    if exploits:
        lines.add_row("exploits", exploits)
    lines.add_row("policy", policy_line(shipped_trial(state, best.id)))
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


def _proof(state: RunState, best: Best) -> str:
    found = native_difference(state, best.id) if best.rung == "report" else None
    return "" if found is None else proof(found, "the native reward")


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
