"""What happened in a run, one plain line an event."""

from __future__ import annotations

from typing import Any

from rewardsmith.program import NATIVE
from rewardsmith.run.events import Event
from rewardsmith.run.wording import duration, number, short_finding
from rewardsmith.types import Slot


def describe(event: Event, verbose: bool = False) -> str:
    """One line about an event; empty for those that only the fold needs.

    Args:
        verbose: findings whole, with what to do about them.
    """
    tell = _TELL.get(event.kind)
    return "" if tell is None else tell(event.data, verbose)


def _preflight(data: dict[str, Any], _: bool) -> str:
    fitness = data["random_fitness"]
    return f"random behaviour has fitness {number(sum(fitness) / len(fitness))} over {len(fitness)} episodes"


def _judged(data: dict[str, Any], verbose: bool) -> str:
    where, findings = Slot(*data["slot"]), data["findings"]
    if data["accepted"]:
        noted = "".join(f"\n             {finding}" for finding in findings) if verbose else ""
        return f"{where}: program {data['program']} accepted{noted}"
    told = (findings if verbose else [short_finding(finding) for finding in findings[:1]]) or [
        "no reason was given"
    ]
    return f"{where}: refused, " + "\n             ".join(told)


def _tried(data: dict[str, Any], _: bool) -> str:
    who = "native reward" if data["program"] == NATIVE else f"program {data['program']}"
    head = f"{who}, {data['rung']} seed {data['seed']}"
    if data["status"] != "finished":
        return f"{head}: {data['status'].replace('_', ' ')}: {data['message']}"
    rate = data.get("success_rate")
    solved = "" if rate is None else f", {100 * rate:.0f} % solved"
    return f"{head}: fitness {number(data['fitness'])}{solved} ({data['steps']:,} steps, {duration(data['wall_s'])})"


def _stopped(data: dict[str, Any], _: bool) -> str:
    return f"search ended: {data['reason']}"


def _exported(data: dict[str, Any], _: bool) -> str:
    return f"program {data['program']} exported"


_TELL = {
    "preflight": _preflight,
    "judged": _judged,
    "tried": _tried,
    "stopped": _stopped,
    "exported": _exported,
}
