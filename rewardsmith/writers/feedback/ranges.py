"""Where a trained policy went that random behaviour did not: the range of each field in its episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rewardsmith.episodes.preflight import Arguments
from rewardsmith.llm.prompts import short_number
from rewardsmith.types import Episode

MOST_FIELDS = 12
NOWHERE: Mapping[str, Any] = {"ranges": [], "alike": 0}


def range_rows(episodes: Sequence[Episode], arguments: Arguments) -> dict[str, Any]:
    """Values of ``shared/process``.

    Args:
        episodes: the fields' values after the last step among them.
        arguments: what programs may read, as the look at the environment saw it, see
            :class:`rewardsmith.episodes.preflight.Preflight`; fields that are not among them are
            hidden, and left out.

    Returns:
        ``ranges``: of fields whose range is another than in random behaviour, their name and the
        lowest and highest value in both; at most twelve, those that changed most first, and none of
        a field that is not finite. ``alike``: how many others have the same range, to the digits
            that are told.
    """
    names = [
        name
        for name in (episodes[0].fields if episodes else ())
        if _seen(name, arguments) is not None
    ]
    names = [name for name in names if name != "obs"] or names  # its parts tell more than all of it
    rows: list[tuple[float, dict[str, Any]]] = []
    for name in names:
        values = np.concatenate(
            [np.asarray(episode.fields[name], np.float64).ravel() for episode in episodes]
        )
        random = _seen(name, arguments) or (0.0, 0.0)
        if values.size and np.isfinite(values).all():
            here = float(values.min()), float(values.max())
            rows.append((_change(random, here), {"name": name, "random": random, "here": here}))
    other = [(change, row) for change, row in rows if _told(row["random"]) != _told(row["here"])]
    other.sort(key=lambda pair: -pair[0])
    return {"ranges": [row for _, row in other[:MOST_FIELDS]], "alike": len(rows) - len(other)}


def _told(ends: tuple[float, float]) -> list[str]:
    return [short_number(end + 0.0) for end in ends]  # no minus before a 0


def _seen(name: str, arguments: Arguments) -> tuple[float, float] | None:
    """The range in random behaviour; None for what programs may not ask for, and for texts."""
    found = arguments.get(name) or arguments.get(f"next_{name}")
    return None if found is None or found.words else found.range


def _change(before: tuple[float, float], after: tuple[float, float]) -> float:
    """How far the ends of a range moved, in widths of the range before."""
    width = before[1] - before[0] or 1.0
    return (abs(after[0] - before[0]) + abs(after[1] - before[1])) / abs(width)
