"""The events of a run as plain lines of text."""

from __future__ import annotations

from rewardsmith.episodes.preflight import Preflight
from rewardsmith.program import NATIVE
from rewardsmith.run.event import Event
from rewardsmith.run.events import (
    Checked,
    ExploitsSearched,
    Exported,
    Extended,
    PreflightDone,
    ScriptsPlayed,
    Stopped,
    Trained,
)
from rewardsmith.run.judge_events import Learned
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.wording import duration, exploit_line, number, short_finding


def describe(event: Event, verbose: bool = False, *, has_fitness: bool = True) -> str:
    """One line about an event; empty for events that only change the state.

    Args:
        has_fitness: whether the task has a fitness.
        verbose: show all findings in full, with what to do about them.
    """
    match event:
        case PreflightDone():
            return _preflight(event.found)
        case Checked():
            return _checked(event, verbose)
        case Trained():
            return _trained(event.trial, has_fitness)
        case Learned():
            return _learned(event)
        case ScriptsPlayed():
            return f"episodes of scripted actions recorded ({event.steps:,} environment steps)"
        case ExploitsSearched():
            return f"program {event.found.program}, exploits: {exploit_line(event.found)}"
        case Extended():
            return f"the search goes on for one more round: {event.reason}"
        case Stopped():
            return f"search ended: {event.reason}"
        case Exported():
            return f"program {event.program} exported"
        case _:
            return ""


def _preflight(found: Preflight) -> str:
    episodes = len(found.random_fitness)
    if not found.has_fitness:
        return f"random policy: {episodes} episodes; the task has no fitness"
    return f"random policy: fitness {number(found.mean_random_fitness)} over {episodes} episodes"


def _checked(event: Checked, verbose: bool) -> str:
    findings = event.findings
    if event.accepted:
        noted = "".join(f"\n             {finding}" for finding in findings) if verbose else ""
        return f"{event.slot}: program {event.program} accepted{noted}"
    shown = findings if verbose else tuple(short_finding(finding) for finding in findings[:1])
    return f"{event.slot}: refused, " + "\n             ".join(shown or ["no reason given"])


def _learned(event: Learned) -> str:
    if event.program is None:
        return "no reward was learned: in too few pairs one clip was better"
    share = event.accuracy
    kept = (
        "" if share is None else f"; it orders {share:.0%} of those that were kept back as judged"
    )
    return f"program {event.program} learned from {event.pairs} judged pairs{kept}"


def _trained(trial: TrialState, has_fitness: bool) -> str:
    who = "native reward" if trial.program == NATIVE else f"program {trial.program}"
    head = f"{who}, {trial.rung} seed {trial.seed}"
    if trial.status != "finished":
        return f"{head}: {trial.status.replace('_', ' ')}: {trial.message}"
    rate = trial.success_rate
    solved = "" if rate is None else f", {100 * rate:.0f} % solved"
    taken = f"{trial.steps:,} environment steps with evaluation, {duration(trial.wall_s)}"
    notes = "".join(f"; {note}" for note in trial.continued)
    result = f"fitness {number(trial.fitness)}{solved}" if has_fitness else "trained"
    return f"{head}: {result} ({taken}{notes})"
