"""Process feedback (Eureka's reward reflection): every term and the fitness along training.

The curve is divided into ten stretches, and the trend of each term over them is described in words.
The native return is left out: it would reveal the reward that the program is to replace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from itertools import pairwise
from operator import attrgetter

import numpy as np

from rewardsmith.evidence.diagnosis import farmed
from rewardsmith.run.curves import CurveRow
from rewardsmith.types import Finding
from rewardsmith.writers.feedback.records import CurveLine, CurveSummary

STRETCHES = 10
_SAME = 0.1  # a term is flat if it changes by less than this share of its largest value
_DOMINATES = 0.8  # share of the sum of absolute terms at the end
_SEVERAL = 5  # stretches that a correlation needs
_OPPOSITE = -0.5  # correlation of return and fitness over a training
_STUCK = 0.1  # difference of success rates with and without exploration
_AT_MOST = 0.02  # a term is at its largest value per step within this share of it
_NAMES = {
    "length": "episode length",
    "own_return": "own return",
    "fitness": "fitness",
    "success": "success rate",
}

Cell = Callable[[CurveRow], float | None]


def curve_summary(
    curves: Sequence[Sequence[CurveRow]], at_goal: Collection[str] = (), solved: bool = False
) -> CurveSummary:
    """The trainings of a program as a table and in words.

    Args:
        curves: one per training seed.
        at_goal: terms that are bonuses at the goal, see
            :func:`rewardsmith.writers.feedback.goal.goal_bonuses`.
        solved: the trained policy solved an evaluation episode.

    Returns:
        Cells are means over seeds, weighted by episodes; None where no episode ended in a stretch.
    """
    rows = [row for curve in curves for row in curve]
    last = max((row.steps for row in rows), default=0)
    if not last:
        return CurveSummary([], [], [])
    stretches = _stretches(rows, last)
    columns = [
        f"{high / 1000:.0f}k steps" if last >= 10_000 else f"{high:.0f} steps" for high in stretches
    ]
    cells = _known({name: _means(stretches, _measure(name)) for name in _NAMES})
    names = dict.fromkeys(name for row in rows for name in row.terms)
    terms = _known({name: _means(stretches, _term(name)) for name in names})
    unsolved = not solved and "success" in cells and not any(cells["success"])
    lines = [CurveLine(_NAMES[name], values) for name, values in cells.items()]
    lines += [CurveLine(name, values) for name, values in terms.items()]
    words = process_words(terms, cells.get("length", []), columns, at_goal, unsolved)
    return CurveSummary(columns, lines, words + _opposite(cells))


def _opposite(cells: Mapping[str, Sequence[float | None]]) -> list[str]:
    """A warning if own return and fitness are negatively correlated; empty otherwise."""
    curves = zip(cells.get("own_return", []), cells.get("fitness", []), strict=False)
    both = [pair for pair in curves if None not in pair]
    if len(both) < _SEVERAL:
        return []
    returns, fitness = np.array(both, np.float64).T
    if np.ptp(returns) == 0 or np.ptp(fitness) == 0:
        return []
    if np.corrcoef(returns, fitness)[0, 1] > _OPPOSITE:
        return []
    ways = (
        f"own return went from {returns[0]:.3g} to {returns[-1]:.3g} "
        f"and fitness from {fitness[0]:.3g} to {fitness[-1]:.3g}"
    )
    return [f"own return and fitness change in opposite directions: {ways}"]


def stuck_words(rows: Sequence[CurveLine], success: float | None) -> list[str]:
    """A warning if the deterministic policy succeeds less often than the exploring one.

    Args:
        rows: see :func:`curve_summary`.
        success: success rate of the deterministic policy.
    """
    rates = next((row.cells for row in rows if row.name == _NAMES["success"]), [])
    if success is None or not rates or rates[-1] is None or rates[-1] - success < _STUCK:
        return []
    return [
        f"at the end of the training it solved {rates[-1]:.0%} of the episodes, "
        f"and without chance {success:.0%}: there are places where it only gets on by chance, "
        "and else does the same again and again"
    ]


def process_words(
    terms: Mapping[str, Sequence[float | None]],
    lengths: Sequence[float | None],
    columns: Sequence[str],
    at_goal: Collection[str] = (),
    unsolved: bool = False,
) -> list[str]:
    """The trend of each term in words, and which one dominates.

    A bonus at the goal is expected to be flat and large once the goal is reached, so it gets no
    warning.

    Args:
        terms: name -> its sum over an episode in each stretch, None where none ended.
        lengths: of the episodes in each stretch.
        columns: names of the stretches.
        at_goal: terms that are bonuses at the goal.
        unsolved: no episode was solved.
    """
    known = {name: _values(values) for name, values in terms.items()}
    words = []
    for name, values in known.items():
        if len(values) < 2:
            continue
        if name in at_goal:
            words.append(f"`{name}`, a bonus at the goal, {_trend(values)}")
        elif unsolved and not any(values):
            words.append(
                f"`{name}` is always 0: right for a bonus at the goal, since no episode was solved"
            )
        else:
            words.append(f"`{name}` {_trend(values)}{_standing(terms[name], lengths, columns)}")
    return words + _dominant(known, at_goal)


def _dominant(terms: Mapping[str, Sequence[float]], at_goal: Collection[str]) -> list[str]:
    """The term that makes most of the reward at the end of training, if one does."""
    ends = {
        name: abs(float(np.mean(values[-_fifth(values) :])))
        for name, values in terms.items()
        if values
    }
    most, total = max(ends, key=lambda name: ends[name], default=""), sum(ends.values())
    if most in at_goal or len(ends) < 2 or not ends[most] >= _DOMINATES * total > 0:
        return []
    share = ends[most] / total
    return [f"`{most}` dominates: it is {share:.0%} of the reward at the end"]


def _values(cells: Sequence[float | None]) -> list[float]:
    return [value for value in cells if value is not None]


def _fifth(values: Sized) -> int:
    return max(1, len(values) // 5)


def _trend(values: Sequence[float]) -> str:
    """The change of a term from the first fifth of a training to the last, in words."""
    largest, count = max(map(abs, values)), _fifth(values)
    if largest == 0:
        return "is always 0"
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
    """A note on a term that stays at its largest value per step, as if it were clipped."""
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
    """Step at the end of each stretch with a finished episode -> the rows of the stretch."""
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
    return {name: values for name, values in cells.items() if _values(values)}


def hollow_gain(curves: Sequence[Sequence[CurveRow]]) -> list[Finding]:
    """A finding if the return under the program grew while the fitness did not.

    Args:
        curves: one per training seed.
    """
    if not farmed(curves):
        return []
    message = (
        "agents came to earn more and more of this reward while the task's fitness did not rise"
    )
    hint = (
        "they collect something that is not the goal: "
        "find the term whose sum grew, and close that way"
    )
    return [Finding("RS506", "warning", message, hint, source="audit")]
