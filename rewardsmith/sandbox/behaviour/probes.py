"""Changed copies of real transitions show which arguments a program reacts to.

There are two sets of copies, each run in one call. In the first set every value was seen: the
column of one argument at a time is permuted across transitions. In the second set values leave the
range that was seen: in one argument at a time, and in all arguments, with one of them permuted (a
bonus behind two conditions shows only there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith.episodes.columns import stacked
from rewardsmith.types import Array, FloatArray, Output

PROBED_ROWS = 96  # transitions of each copy
_NEAREST, _FARTHEST = (
    -1.0,
    1.5,
)  # log10 of how far values leave the range that was seen, in units of it
_ROUNDING = 4 * float(np.finfo(np.float32).eps)
_WHOLE = (
    "action",
    "prev_action",
)  # discrete actions have no values beyond the range


@dataclass(frozen=True)
class Probes:
    """Copies of transitions, one below the other.

    Attributes:
        rows: argument -> (copies * m, ...).
        pairs: argument -> indices (before, after), (k,) each, of rows that differ in that argument
            alone.
    """

    rows: dict[str, Array]
    pairs: dict[str, tuple[Array, Array]]


def seen_probes(rows: Mapping[str, Array], size: int = PROBED_ROWS) -> Probes:
    """Permuted columns; the same for the same transitions."""
    rng = np.random.default_rng(0)
    real = _part(rows, size)
    changes = {name: [(real, real[name][rng.permutation(len(real[name]))])] for name in rows}
    return _stack([real], changes)


def wide_probes(rows: Mapping[str, Array], size: int = PROBED_ROWS) -> Probes:
    """Values beyond what was seen; the same for the same transitions."""
    rng = np.random.default_rng(0)
    real = _part(rows, size)
    wide = {name: _spread(name, rows[name], len(real[name]), rng) for name in rows}
    changes = {
        name: [(real, wide[name]), (wide, wide[name][rng.permutation(len(wide[name]))])]
        for name in rows
    }
    return _stack([real, wide], changes)


def _part(rows: Mapping[str, Array], size: int) -> dict[str, Array]:
    n = len(next(iter(rows.values())))
    chosen = np.linspace(0, n - 1, min(n, size)).astype(np.int64)
    return {name: column[chosen] for name, column in rows.items()}


def _stack(
    bases: list[dict[str, Array]], changes: Mapping[str, Sequence[tuple[dict[str, Array], Array]]]
) -> Probes:
    """The bases, and for each change a copy of one of them with one column replaced."""
    blocks, places = list(bases), {name: list[tuple[int, int]]() for name in changes}
    for name, found in changes.items():
        for base, column in found:
            place = next(i for i, block in enumerate(bases) if block is base)
            places[name].append((place, len(blocks)))
            blocks.append({**base, name: column})
    index = np.arange(len(next(iter(bases[0].values()))))
    pairs = {}
    for name, found_places in places.items():
        sides = np.array(found_places).T  # (before, after) x changes
        before, after = (sides[..., None] * len(index) + index).reshape(2, -1)
        pairs[name] = (before, after)
    return Probes(stacked(blocks, bases[0]), pairs)


def reactions(probes: Probes, output: Output) -> dict[str, float]:
    """How much each argument moves the values.

    Returns:
        argument -> mean absolute change when it alone is changed, in units of the mean absolute
        difference between two of the probed transitions; 0 means that nothing ever changed beyond
        rounding.
    """
    values = _values(output)
    spread = values.std(axis=0)
    values = values / np.where(
        spread > 0, spread, 1.0
    )  # so that a small term counts as a large one
    shuffled = np.random.default_rng(1).permutation(len(values))
    unit = _change(values, values[shuffled])
    moved = {
        name: _change(values[before], values[after])
        for name, (before, after) in probes.pairs.items()
    }
    return {name: change / unit if unit > 0 else 0.0 for name, change in moved.items()}


def differ(a: FloatArray, b: FloatArray) -> Array:
    """Which numbers differ by more than float32 rounding; a NaN differs from any other number."""
    a, b = (np.nan_to_num(numbers, nan=np.finfo(float).max) for numbers in (a, b))
    size = np.maximum(np.abs(a), np.abs(b))
    size = np.where(size > 0, size, 1.0)
    found: Array = (
        np.abs(a / size - b / size) > _ROUNDING
    )  # divided first: the difference of two 1e308 is no number
    return found


def _change(before: FloatArray, after: FloatArray) -> float:
    """Mean absolute change of (n, k) values; a column that changes only by rounding counts as 0."""
    moves = differ(before, after).any(axis=0)
    return float((np.abs(after - before) * moves).mean())


def _values(output: Output) -> FloatArray:
    """Total and terms, (n, k), each column in units of its largest value."""
    columns = [
        output.total.reshape(len(output.total), -1),
        *(term[:, None] for term in output.terms.values()),
    ]
    values = np.nan_to_num(np.concatenate(columns, axis=1), posinf=0.0, neginf=0.0)
    largest = np.abs(values).max(axis=0)
    return values / np.where(
        largest > 0, largest, 1.0
    )  # first of all: the square of 1e200 is no number


def _spread(name: str, column: Array, size: int, rng: np.random.Generator) -> Array:
    """Draw values from the range that was seen, and from near and far beyond it."""
    shape = (size, *column.shape[1:])
    if column.dtype.kind == "b":
        return rng.random(shape) < 0.5
    numbers = np.nan_to_num(column.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = numbers.min(axis=0), numbers.max(axis=0)
    is_whole = column.dtype.kind in "iu"
    factor = (
        np.zeros(shape)
        if is_whole and name in _WHOLE
        else 10.0 ** rng.uniform(_NEAREST, _FARTHEST, shape)
    )
    margin = factor * np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    values = rng.uniform(low - margin, high + margin)
    spread: Array = (np.round(values) if is_whole else values).astype(column.dtype)
    return spread
