"""What recorded steps show of the numbers of an observation, without any name or documentation.

Constants, flags, counters, angles that wrap, vectors of length one, rates of change, repetitions,
and which parts of the action move what. Pure functions on arrays.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from rewardsmith.maths.association import explained_by_groups, explained_by_numbers
from rewardsmith.types import Array, FloatArray

Kind = Literal["number", "constant", "fixed", "flag", "counter", "angle", "broken"]
_LEAST_STEPS = 20
_STEPS_PER_NUMBER = 10  # of a regression on the state
_LEAST_SHARE = 0.02  # of the variance of a number that an action explains if it moves it
_RATE_SHARE = 0.9  # of the variance of the changes of a number that its rate explains
_UNIT_SIZES = (4, 3, 2)  # numbers of a vector of length one: quaternion, direction, (cos, sin)
_UNIT_ERROR = 1e-3
_WRAP_ERROR = 0.1  # of a full turn
_TURN, _SLACK = 2 * np.pi + 1e-3, 1e-3


class Steps(NamedTuple):
    """Recorded steps within episodes.

    Attributes:
        before, after: the numbers around each step, shape (n, d), float64.
        actions: shape (n, k), float64; of a discrete action one column with the choice.
        starts: the numbers after resets, shape (m, d).
        discrete: the action is one choice.
    """

    before: FloatArray
    actions: FloatArray
    after: FloatArray
    starts: FloatArray
    discrete: bool


@dataclass(frozen=True)
class NumberFacts:
    """What steps show of one number.

    Attributes:
        low, high: smallest and largest value.
        start: smallest and largest value after a reset.
        change: the 90 % quantile of the size of its change in a step.
        kind: ``fixed`` is constant within an episode, ``broken`` NaN or infinite in some step.
        moved_by: parts of the action on which its change, or its value after the step, depends. Of
            a discrete action the choice that lowers it the most, then that which raises it.
        rate_of: the number whose change in a step goes with this one the most; None if little does.
        rate_share: the share of the variance of that change that this number explains.
        same_as: an earlier number that always has the same value; None if none has.
    """

    low: float
    high: float
    start: tuple[float, float]
    change: float
    kind: Kind = "number"
    moved_by: tuple[int, ...] = ()
    rate_of: int | None = None
    rate_share: float = 0.0
    same_as: int | None = None


class Facts(NamedTuple):
    """What steps show of all numbers.

    Attributes:
        units: places of numbers that form vectors of length one.
        steps: number of steps.
    """

    numbers: tuple[NumberFacts, ...]
    units: tuple[tuple[int, ...], ...]
    steps: int


def facts_in(steps: Steps) -> Facts:
    """The facts of recorded steps; at least one."""
    rows = np.concatenate([steps.starts, steps.before, steps.after])
    finite = np.isfinite(rows).all(axis=0)
    low, high = rows.min(axis=0), rows.max(axis=0)
    change = steps.after - steps.before
    found = [
        NumberFacts(
            low=float(low[at]),
            high=float(high[at]),
            start=(float(steps.starts[:, at].min()), float(steps.starts[:, at].max())),
            change=float(np.quantile(np.abs(change[:, at]), 0.9)),
            kind=_kind(rows[:, at], change[:, at]),
        )
        for at in range(rows.shape[1])
    ]
    used = [at for at, one in enumerate(found) if finite[at] and one.kind != "constant"]
    if len(steps.after) >= _LEAST_STEPS and used:
        found = _related(found, steps, used)
    # a reset may add noise to a vector of length one
    return Facts(tuple(found), tuple(_units(steps.after, used)), len(steps.after))


def rate_share(steps: Steps, rate: int, of: int) -> float:
    """The share of the variance of the changes of a number that another number explains."""
    return float(_rates(steps, [rate, of])[1, 0])


def _related(found: list[NumberFacts], steps: Steps, used: list[int]) -> list[NumberFacts]:
    """The facts with what moves each number, and with its relations to other numbers."""
    moved = _moved_by(steps, used)
    rates = _rates(steps, used)
    same = _same_as(np.concatenate([steps.starts, steps.after]), used)
    related = list(found)
    for place, at in enumerate(used):
        best = int(np.argmax(rates[:, place]))
        one = dataclasses.replace(found[at], moved_by=moved[place], same_as=same[place])
        if rates[best, place] >= _RATE_SHARE and best != place:
            share = float(rates[best, place])
            one = dataclasses.replace(one, rate_of=used[best], rate_share=share)
        related[at] = one
    return related


def _kind(values: Array, changes: Array) -> Kind:
    """The kind of a number from its values and its changes."""
    if not np.isfinite(values).all():
        return "broken"
    if np.ptp(values) == 0:
        return "constant"
    if _is_flag(values):
        return "flag"
    if np.ptp(changes) <= 1e-6 * abs(changes[0]):
        return "counter" if changes[0] else "fixed"
    return "angle" if _wraps(values, changes) else "number"


def _is_flag(values: Array) -> bool:
    return bool(np.isin(values, (0, 1)).all())


def _wraps(values: Array, changes: Array) -> bool:
    """Whether it lies within one turn and jumps by a whole one."""
    low, high = values.min() + _SLACK, values.max() - _SLACK
    in_turn = (-np.pi <= low and high <= np.pi) or (low >= 0 and high <= _TURN)
    jumps = np.abs(changes) > (1 - _WRAP_ERROR) * _TURN
    return bool(in_turn and jumps.any())


def _moved_by(steps: Steps, used: list[int]) -> list[tuple[int, ...]]:
    """Of each number, the parts of the action or the choices that move it.

    They explain its change, or what of the change does not follow from the state before, or the
    value after the step, which may not depend on the state at all.
    """
    change = _without_extremes(steps.after[:, used] - steps.before[:, used])
    unexplained = _unexplained(change, steps.before[:, used])
    effects = (change, unexplained, _without_extremes(steps.after[:, used]))
    if not steps.discrete:
        shares = np.max([explained_by_numbers(one, steps.actions) for one in effects], axis=0)
        least = _least(1, len(change))
        return [tuple(map(int, np.flatnonzero(row > least))) for row in shares]
    chosen = steps.actions[:, 0].astype(int)
    choices = np.unique(chosen)
    shares = np.max([explained_by_groups(one, chosen) for one in effects], axis=0)
    means = np.stack([change[chosen == choice].mean(axis=0) for choice in choices])
    extremes = zip(choices[means.argmin(axis=0)], choices[means.argmax(axis=0)], strict=True)
    least = _least(len(choices), len(change))
    return [
        (int(down), int(up)) if share > least else ()
        for (down, up), share in zip(extremes, shares, strict=True)
    ]


def _unexplained(change: FloatArray, state: FloatArray) -> FloatArray:
    """The residuals of a linear regression of changes on the state; the changes if it is large."""
    if len(change) < _STEPS_PER_NUMBER * state.shape[1]:
        return change
    predictors = np.column_stack([state, np.ones(len(state))])
    weights = np.linalg.lstsq(predictors, change, rcond=None)[0]
    residuals: FloatArray = change - predictors @ weights
    return residuals


def _without_extremes(columns: FloatArray) -> FloatArray:
    """Columns limited to their 1 % and 99 % quantiles: a few collisions would hide all else."""
    return np.clip(columns, *np.quantile(columns, (0.01, 0.99), axis=0))


def _least(groups: int, steps: int) -> float:
    """Well above what chance explains in so many steps."""
    return max(_LEAST_SHARE, 6 * groups / steps)


def _rates(steps: Steps, used: list[int]) -> FloatArray:
    """Row: a number; column: the share of its changes that each number's mean in a step explains.

    Only where the proportion is positive. Of a number within one turn, jumps of more than half a
    turn are taken for wraps.
    """
    before, after = steps.before[:, used], steps.after[:, used]
    change, mean = after - before, (before + after) / 2
    in_turn = np.ptp(np.concatenate([before, after]), axis=0) <= _TURN
    change = _without_extremes(change - _TURN * np.round(change / _TURN) * in_turn)
    mean = _without_extremes(mean)
    signs = np.sign((change - change.mean(axis=0)).T @ (mean - mean.mean(axis=0)))
    return np.where(signs > 0, explained_by_numbers(change, mean), 0.0)


def _same_as(rows: FloatArray, used: list[int]) -> list[int | None]:
    """Of each number, the first one that has the same values."""
    first: dict[bytes, int] = {}
    places = [first.setdefault(rows[:, at].tobytes(), at) for at in used]
    return [None if place == at else place for place, at in zip(places, used, strict=True)]


def _units(rows: FloatArray, used: list[int]) -> list[tuple[int, ...]]:
    """Numbers that vary and whose squares add up to one: neighbours, else pairs."""
    squares, varying = np.square(rows), {at for at in used if not _is_flag(rows[:, at])}
    found: list[tuple[int, ...]] = []
    at = 0
    while at < rows.shape[1] - 1:
        size = next((size for size in _UNIT_SIZES if _is_unit(squares, at, size, varying)), 1)
        if size > 1:
            found.append(tuple(range(at, at + size)))
        at += size
    taken = {place for unit in found for place in unit}
    alone = sorted(at for at in varying - taken if squares[:, at].max() <= 1 + _UNIT_ERROR)
    return found + _pairs(squares, alone)


def _pairs(squares: FloatArray, places: list[int]) -> list[tuple[int, ...]]:
    """Pairs whose squares add up to one; each number in one pair at most."""
    found: list[tuple[int, ...]] = []
    while places:
        first, *places = places
        errors = np.abs(squares[:, places] + squares[:, [first]] - 1).max(axis=0)
        if len(places) and errors.min() <= _UNIT_ERROR:
            found.append((first, places.pop(int(errors.argmin()))))
    return found


def _is_unit(squares: FloatArray, at: int, size: int, varying: set[int]) -> bool:
    places = range(at, min(at + size, squares.shape[1]))
    if len(places) < size or not varying.issuperset(places):
        return False
    return bool(np.abs(squares[:, places].sum(axis=1) - 1).max() <= _UNIT_ERROR)
