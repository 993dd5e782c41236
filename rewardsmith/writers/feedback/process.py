"""Process feedback (Eureka's reward reflection): every term and the task's score along training, summed up.

About ten stretches of the curve, whatever its length, and in words what each term did over them.
The native return is left out where the task has a fitness of its own, since showing it would give
away the reward that is to be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np

from rewardsmith.run.curves import CurveRow
from rewardsmith.types import Finding

STRETCHES = 10
_SAME = 0.1  # of its largest value, by which a term may change and be called flat
_DOMINATES = 0.8  # of all that is paid in the end, signs left out
_SEVERAL = 5  # stretches, from which on two curves can be compared
_OPPOSITE = -0.5  # correlation of return and fitness over a training
_STUCK = 0.1  # share of episodes that are solved by chance alone
_AT_MOST = 0.02  # of its largest pay per step, within which a term stands at that
_NAMES = {
    "length": "episode length",
    "own_return": "own return",
    "fitness": "fitness",
    "success": "success rate",
}

Cell = Callable[[CurveRow], float | None]


def process_rows(
    curves: Sequence[Sequence[CurveRow]], at_goal: Collection[str] = (), solved: bool = False
) -> dict[str, Any]:
    """A table over training: ``columns`` (steps at the end of each stretch), ``rows`` of name and cells, and ``words``.

    Args:
        curves: one per training seed.
        at_goal: terms that are bonuses at the goal, see
            :func:`rewardsmith.writers.feedback.goal.goal_bonuses`.
        solved: the trained policy solved an episode, whatever happened while it learned.

    Returns:
        Cells are means over seeds, weighted by episodes; None where no episode ended in a stretch.
    """
    rows = [row for curve in curves for row in curve]
    last = max((row.steps for row in rows), default=0)
    if not last:
        return {"columns": [], "rows": [], "words": []}
    stretches = _stretches(rows, last)
    columns = [
        f"{high / 1000:.0f}k steps" if last >= 10_000 else f"{high:.0f} steps" for high in stretches
    ]
    cells = _known({name: _means(stretches, _measure(name)) for name in _NAMES})
    names = dict.fromkeys(name for row in rows for name in row.terms)
    terms = _known({name: _means(stretches, _term(name)) for name in names})
    unsolved = not solved and "success" in cells and not any(cells["success"])
    return {
        "columns": columns,
        "rows": [
            *({"name": _NAMES[name], "cells": values} for name, values in cells.items()),
            *({"name": name, "cells": values} for name, values in terms.items()),
        ],
        "words": process_words(terms, cells.get("length", []), columns, at_goal, unsolved)
        + _apart(cells),
    }


def _apart(cells: Mapping[str, Sequence[float | None]]) -> list[str]:
    """That what is paid and what is wanted go opposite ways, where they do."""
    curves = zip(cells.get("own_return", []), cells.get("fitness", []), strict=False)
    both = [pair for pair in curves if None not in pair]
    if len(both) < _SEVERAL:
        return []
    paid, wanted = np.array(both, np.float64).T
    if np.ptp(paid) == 0 or np.ptp(wanted) == 0 or np.corrcoef(paid, wanted)[0, 1] > _OPPOSITE:
        return []
    ways = f"own return went from {paid[0]:.3g} to {paid[-1]:.3g} and fitness from {wanted[0]:.3g} to {wanted[-1]:.3g}"
    return [f"what you pay and what is wanted go opposite ways: {ways}"]


def stuck_words(rows: Sequence[Mapping[str, Any]], success: float | None) -> list[str]:
    """That an agent succeeds less often without chance than it did while it still tried things out.

    Args:
        rows: of the table, see :func:`process_rows`.
        success: share of the episodes that the trained policy solves, acting without chance.
    """
    rates: Sequence[float | None] = next(
        (row["cells"] for row in rows if row["name"] == _NAMES["success"]), []
    )
    if success is None or not rates or rates[-1] is None or rates[-1] - success < _STUCK:
        return []
    return [
        f"at the end of the training it solved {rates[-1]:.0%} of the episodes, and without chance {success:.0%}: "
        "there are places where it only gets on by chance, and else does the same again and again"
    ]


def process_words(
    terms: Mapping[str, Sequence[float | None]],
    lengths: Sequence[float | None],
    columns: Sequence[str],
    at_goal: Collection[str] = (),
    unsolved: bool = False,
) -> list[str]:
    """What each term did over a training: it grew, fell, is flat, stands at its most, and which one dominates.

    A bonus at the goal is called one, and is blamed for nothing: once the goal is reached it stands
    still, and is most.

    Args:
        terms: name -> its sum over an episode in each stretch, None where none ended.
        lengths: of the episodes in each stretch.
        columns: names of the stretches.
        at_goal: those that are bonuses at the goal.
        unsolved: no episode was solved, so that such a bonus was never paid.
    """
    known = {
        name: [value for value in values if value is not None] for name, values in terms.items()
    }
    ends = {
        name: abs(float(np.mean(values[-_fifth(values) :])))
        for name, values in known.items()
        if values
    }
    words = []
    for name, values in known.items():
        if len(values) < 2:
            continue
        if name in at_goal:
            words.append(f"`{name}`, a bonus at the goal, {_trend(values)}")
        elif unsolved and not any(values):
            words.append(
                f"`{name}` is never paid: right for a bonus at the goal, since no episode was solved"
            )
        else:
            words.append(f"`{name}` {_trend(values)}{_standing(terms[name], lengths, columns)}")
    most = max(ends, key=lambda name: ends[name], default="")
    if most not in at_goal and len(ends) > 1 and ends[most] >= _DOMINATES * sum(ends.values()) > 0:
        words.append(
            f"`{most}` dominates: it is {ends[most] / sum(ends.values()):.0%} of all that is paid in the end"
        )
    return words


def _fifth(values: Sequence[float]) -> int:
    return max(1, len(values) // 5)


def _trend(values: Sequence[float]) -> str:
    """How the sum of a term over an episode changed from the first fifth of a training to the last."""
    largest, count = max(map(abs, values)), _fifth(values)
    if largest == 0:
        return "is never paid"
    first, last = float(np.mean(values[:count])), float(np.mean(values[-count:]))
    if abs(last - first) <= _SAME * largest:
        steady = max(values) - min(values) <= 2 * _SAME * largest
        return (
            f"is flat, about {last:.3g}"
            if steady
            else f"goes up and down and ends where it began, about {last:.3g}"
        )
    return f"{'grew' if last > first else 'fell'} from {first:.3g} to {last:.3g}"


def _standing(
    values: Sequence[float | None], lengths: Sequence[float | None], columns: Sequence[str]
) -> str:
    """That a term came to its most per step and stands there, as one that is clipped; empty where it does not."""
    if len(lengths) != len(values):
        return ""
    rates = [
        (value / length, column)
        for value, length, column in zip(values, lengths, columns, strict=True)
        if value is not None and length
    ]
    most = max((rate for rate, _ in rates), key=abs, default=0.0)
    stands = [abs(rate - most) <= _AT_MOST * abs(most) for rate, _ in rates]
    since = len(stands) - next(
        (n for n, one in enumerate(reversed(stands)) if not one), len(stands)
    )
    if most == 0 or since == 0 or len(stands) - since < 3:
        return ""
    return f" and since {rates[since][1]} stands at its most, {most:.3g} a step: is it clipped?"


def _stretches(rows: Sequence[CurveRow], last: int) -> dict[float, list[CurveRow]]:
    """Step at the end of a stretch -> its rows; stretches in which no episode ended are left out."""
    found = {}
    for low, high in pairwise(np.linspace(0, last, STRETCHES + 1)):
        stretch = [row for row in rows if low < row.steps <= high]
        if sum(row.episodes for row in stretch):
            found[float(high)] = stretch
    return found


def _measure(name: str) -> Cell:
    return attrgetter(name)


def _term(name: str) -> Cell:
    return lambda row: row.terms.get(name)


def _means(stretches: Mapping[float, Sequence[CurveRow]], cell: Cell) -> list[float | None]:
    return [_mean(stretch, cell) for stretch in stretches.values()]


def _mean(stretch: Sequence[CurveRow], cell: Cell) -> float | None:
    """Mean over the episodes that ended in a stretch."""
    weighted = [(value, row.episodes) for row in stretch if (value := cell(row)) is not None]
    total = sum(weight for _, weight in weighted)
    return sum(value * weight for value, weight in weighted) / total if total else None


def _known(cells: Mapping[str, list[float | None]]) -> dict[str, list[float | None]]:
    """Those that have a value in any stretch."""
    return {
        name: values for name, values in cells.items() if any(one is not None for one in values)
    }


def hollow_gain(curves: Sequence[Sequence[CurveRow]]) -> list[Finding]:
    """Whether agents earned more and more of the reward while the fitness stood still or fell.

    Args:
        curves: one per training seed, see
            :func:`rewardsmith.writers.feedback.process.process_rows`.
    """
    hollow = [
        both
        for curve in curves
        if (both := _gains(curve)) is not None and both[0] > 0.5 and both[1] < 0.05
    ]
    if not hollow or len(hollow) <= len(curves) / 2:
        return []
    message = (
        "agents came to earn more and more of this reward while the task's fitness did not rise"
    )
    hint = "they collect something that is not the goal: find the term whose sum grew, and close that way"
    return [Finding("RS506", "warning", message, hint, source="audit")]


def _gains(curve: Sequence[CurveRow]) -> tuple[float, float] | None:
    """Change of own return and of fitness from the first to the last fifth of a curve, in units of their range."""
    series = [
        [row.own_return for row in curve if row.own_return is not None],
        [row.fitness for row in curve if row.fitness is not None],
    ]
    if min(map(len, series)) < 5:
        return None
    changes = []
    for values in (np.array(one, np.float64) for one in series):
        fifth = max(1, len(values) // 5)
        changes.append(
            float((values[-fifth:].mean() - values[:fifth].mean()) / (np.ptp(values) or 1.0))
        )
    return changes[0], changes[1]
