"""Features: the single numbers that a program can read, with statistics of their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product

import numpy as np

from rewardsmith.episodes.preflight import Argument, Arguments
from rewardsmith.types import Array, Columns
from rewardsmith.writers.grammar.formulas import value_of

MOST_PARTS = 24  # numbers of one field; of a longer field only its norm is a feature
MOST_GAPS = 24  # distances between fields
_LENGTH = "np.linalg.norm({}, axis=1)"
_DIGITS = 2  # significant digits of numbers in programs


@dataclass(frozen=True)
class Feature:
    """One number per transition.

    Attributes:
        name: used in the names of terms.
        after: formula of its value after the step, e.g. ``next_position``.
        before: formula of its value before the step; empty where the environment reports it after
            steps only.
        flag: its value is a bool.
    """

    name: str
    after: str
    before: str
    flag: bool = False


@dataclass(frozen=True)
class FeatureStatistics:
    """Statistics of a feature over recorded transitions, finite and rounded.

    Attributes:
        scale: half the width of its range.
        targets: candidates for target values: the ends of its range, zero if inside, and values at
            the end of good episodes.
    """

    scale: float
    targets: tuple[float, ...]


def features_of(arguments: Arguments, units: Mapping[str, str]) -> list[Feature]:
    """The features of a task: its fields, and distances between fields of the same unit.

    Args:
        arguments: those that programs may read, see
            :class:`rewardsmith.episodes.preflight.Preflight`.
        units: field -> unit.
    """
    texts = {name for name, seen in arguments.items() if seen.words}
    names = [
        name.removeprefix("next_")
        for name in arguments
        if name.startswith("next_") and name not in texts
    ]
    fields = [name for name in names if name != "obs"] or names
    found = {name: list(_parts(name, arguments)) for name in fields}
    gaps = [
        gap
        for left, right in combinations(fields, 2)
        if units.get(left, "") == units.get(right, "")
        for gap in _gaps((left, found[left]), (right, found[right]), arguments)
    ]
    return [*chain(*found.values()), *gaps[:MOST_GAPS], *_of_action(arguments["action"])]


def feature_statistics(
    feature: Feature, columns: Columns, ends: Array, declared: Sequence[float] = ()
) -> FeatureStatistics:
    """Statistics of a feature.

    Args:
        columns: recorded transitions, argument -> (n, ...).
        ends: indices of the last transitions of good episodes.
        declared: further candidates for target values, e.g. the ends of a declared range.
    """
    values = np.asarray(value_of(feature.after, columns), np.float64)
    values = np.where(np.isfinite(values), values, 0.0)
    low, high = float(values.min()), float(values.max())
    reached = np.quantile(values[ends], (0.25, 0.5, 0.75)).tolist() if len(ends) else []
    zero = [0.0] if low <= 0.0 <= high else []
    targets = dict.fromkeys(short(target) for target in (low, high, *zero, *declared, *reached))
    return FeatureStatistics(short((high - low) / 2) or 1.0, tuple(targets))


def short(value: float) -> float:
    """A number rounded to two significant digits."""
    return float(f"{value:.{_DIGITS}g}")


def _parts(name: str, arguments: Arguments) -> Iterable[Feature]:
    seen = arguments[f"next_{name}"]
    shape, before, flag = (
        seen.shape,
        name if name in arguments else "",
        seen.dtype == "bool",
    )
    if not shape:
        yield Feature(name, f"next_{name}", before, flag)
    elif len(shape) == 1:
        for part in range(shape[0]) if shape[0] <= MOST_PARTS else ():
            yield Feature(
                f"{name}_{part}", f"next_{name}[:, {part}]", before and f"{before}[:, {part}]", flag
            )
        if shape[0] > 1 and not flag:
            yield Feature(
                f"{name}_length", _LENGTH.format(f"next_{name}"), before and _LENGTH.format(before)
            )


def _gaps(
    left: tuple[str, list[Feature]],
    right: tuple[str, list[Feature]],
    arguments: Arguments,
) -> Iterable[Feature]:
    """Distances between two fields: of the vectors if the shapes are equal, else of each pair."""
    (one, ones), (other, others) = left, right
    if any(feature.flag for feature in (*ones, *others)):
        return
    shape = arguments[f"next_{one}"].shape
    if len(shape) == 1 and shape == arguments[f"next_{other}"].shape:
        both = {one, other} <= set(arguments)
        after, before = (_LENGTH.format(f"{form}{one} - {form}{other}") for form in ("next_", ""))
        yield Feature(f"{one}_to_{other}", after, before if both else "")
        return
    for a, b in product(ones, others):
        if not a.name.endswith("_length") and not b.name.endswith("_length"):
            before = f"np.abs({a.before} - {b.before})" if a.before and b.before else ""
            yield Feature(f"{a.name}_to_{b.name}", f"np.abs({a.after} - {b.after})", before)


def _of_action(action: Argument) -> list[Feature]:
    """The parts of a continuous action; a discrete one has none."""
    if action.dtype != "float64" or len(action.shape) > 1:
        return []
    if not action.shape:
        return [Feature("action", "action", "")]
    return [
        Feature(f"action_{part}", f"action[:, {part}]", "")
        for part in range(min(action.shape[0], MOST_PARTS))
    ]
