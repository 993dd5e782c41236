"""The result of a run as text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from rewardsmith.evidence.diagnosis import native_farmed
from rewardsmith.evidence.overoptimisation import overoptimised
from rewardsmith.run.best import native_solves_too, shipped_trial
from rewardsmith.run.folder import REPORT
from rewardsmith.run.scores import native_difference, seeds_of, transfer_scores
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
    transfer_line,
)
from rewardsmith.types import Interval, SeedSummary

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
    for label, text in (*_outcome(run, best, state), *_spent(run, state)):
        if text:
            lines.add_row(label, text)
    if state.exported:
        lines.add_row(
            "export", str(_from_here(run.folder.export_folder / "reward.py")), style="bold"
        )
    if (run.path / REPORT).exists():
        lines.add_row("report", str(_from_here(run.path / REPORT)), style="bold")
    if name is not None:
        more = _more_seeds(state, best)
        if more is not None:
            lines.add_row("", f"rewardsmith resume {name} --report-seeds {more}", style="cyan")
        lines.add_row("next", f"rewardsmith show {name}", style="cyan")
        lines.add_row("", f"rewardsmith export {name} -o my_reward.py", style="cyan")
    return lines


def _outcome(run: Run, best: Best, state: RunState) -> list[tuple[str, str]]:
    """What is known of the best program, as (label, text); without text, nothing is known."""
    seeds = seeds_of(state, best.id, best.rung, run.folder.task().spec.fitness.solved)
    also = run.folder.config().also
    return [
        ("", _proof(state, best)),
        ("seeds", seeds_line(seeds) if seeds is not None else ""),
        ("solved", _solved(run, best, seeds)),
        ("diagnosis", _diagnosis(run)),
        ("return", overoptimised(run.folder, state, best.id)),
        ("native", native_farmed(run.folder, state)),
        ("transfer", transfer_line(also, transfer_scores(state, best.id))),
        ("looks", looks_line(state)),
        ("exploits", exploit_line(state.exploits.get(best.id))),
        ("judged", _judged(run, state, best)),
        ("policy", policy_line(shipped_trial(state, best.id))),
    ]


def _spent(run: Run, state: RunState) -> list[tuple[str, str]]:
    return [
        ("sandbox", _confined(run.folder.manifest()["sandbox"]["level"])),
        ("screened", screening_counts(state)),
        ("spent", spent(state)),
    ]


def _solved(run: Run, best: Best, seeds: SeedSummary | None) -> str:
    solved = run.folder.task().spec.fitness.solved
    if solved is None:
        return ""
    word = "yes" if best.score.mean >= solved else "no"
    if word == "yes" and seeds is not None and seeds.solved != seeds.n:
        word = f"on {seeds.solved} of {seeds.n} seeds"
    return f"{word}, the task is solved at a mean fitness of {number(solved)}"


def _judged(run: Run, state: RunState, best: Best) -> str:
    """How many of the judged pairs the best program orders as people did."""
    from rewardsmith.api.labelling import judged_share

    if state.judges_decide:
        return f"judges prefer it to {len(state.ranked()) - 1} other programs"
    found = judged_share(run.folder, state, best.id)
    if found is None:
        return ""
    share, pairs = found
    return f"the best program orders {share:.0%} of {pairs} pairs of episodes as the judges did"


def _diagnosis(run: Run) -> str:
    found = run.diagnosis
    return f"{found.lever}: {found.text}" if found is not None else ""


def _origin(state: RunState, program: str) -> str:
    return ", ".join(filter(None, [str(state.programs[program]), only_part(state, program)]))


def _confined(level: str) -> str:
    if level == "strong":
        return level
    return f"{level}: generated code was not fully confined, see rewardsmith doctor"


def _proof(state: RunState, best: Best) -> str:
    found = native_difference(state, best.id) if best.rung == "report" else None
    if found is None:
        return ""
    return proof(found, "the native reward", both_solve=native_solves_too(state, best))


def _more_seeds(state: RunState, best: Best) -> int | None:
    """The number of report seeds that would decide the comparison; None if that is not known."""
    found = native_difference(state, best.id) if best.rung == "report" else None
    if found is None or found.decided or native_solves_too(state, best):
        return None
    return best.score.n + found.further_seeds if found.further_seeds else None


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
