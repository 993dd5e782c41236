"""Cuts transitions into small batches, in which each must have its value of the whole batch.

A value that depends on the rest of its batch changes the reward in training, where a batch holds
one transition of each environment. The batches that are compared differ much in size and in
content, so that ``if np.any(...)`` shows, whether its condition is rare or common.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import numpy as np

from rewardsmith.episodes.columns import stacked
from rewardsmith.program import Style
from rewardsmith.sandbox.behaviour.styles import agree, take
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.types import Array, FloatArray, Output

_EXTREME, _SPREAD = 4, 2  # rows that are taken alone
_FEW = (2, 3, 4, 8, 16)
_REST = 64
_AGAIN = 24  # times that one row is repeated
_SORTED = 4  # arguments by which rows are sorted


def pieces(rows: Mapping[str, Array], total: FloatArray, limit: int | None = None) -> list[Array]:
    """Indices of small batches that share no row.

    The first ones have one row each, the most extreme rows first; then the sizes grow.

    Args:
        rows: argument -> (n, ...).
        total: (n, ...), the values of the program.
        limit: number of rows at most; all by default.
    """
    n = len(total)
    largest = [column.reshape(n, -1).max(axis=1) for column in (total, *rows.values())]
    extreme = list(
        dict.fromkeys(int(most(values)) for values in largest for most in (np.argmax, np.argmin))
    )[:_EXTREME]
    shuffled = np.random.default_rng(0).permutation(n)
    order = np.concatenate([extreme, shuffled[~np.isin(shuffled, extreme)]])[:limit].astype(
        np.int64
    )
    sizes = [*[1] * (len(extreme) + _SPREAD), *_FEW, *[_REST] * (n // _REST + 1)]
    starts = [0, *accumulate(sizes)]
    return [
        order[start : start + size]
        for start, size in zip(starts, sizes, strict=False)
        if start < len(order)
    ]


def companies(rows: Mapping[str, Array], total: FloatArray) -> list[Array]:
    """Indices of batches as in training, unlike random transitions; they may share rows.

    One row repeated, as after a reset of every environment; rows in the order of an argument, as in
    one episode; only rows with the same truth value, e.g. without an end of an episode.
    """
    n = len(total)
    columns = [column.reshape(n, -1) for column in rows.values()]
    parts = [np.full(_AGAIN, int(total.reshape(n, -1).max(axis=1).argmax()))]
    for column in columns[:_SORTED]:
        _, rising = np.unique(column[:, 0], return_index=True)  # none twice
        parts += [rising[np.linspace(0, len(rising) - 1, min(len(rising), _REST)).astype(np.int64)]]
        if column.dtype.kind == "b":
            parts += [
                part
                for part in (np.flatnonzero(column[:, 0]), np.flatnonzero(~column[:, 0]))
                if len(part)
            ]
    return [part.astype(np.int64) for part in parts]


def apply_in(
    host: ProgramHost, parts: list[Array], rows: Mapping[str, Array], style: Style
) -> Output:
    """Apply a program to the rows of all parts, each part in its own call.

    Raises:
        ProgramError: it failed on one of them.
    """
    outputs = [host.apply(take(rows, part), style) for part in parts]
    names = set.intersection(*(set(output.terms) for output in outputs))
    terms = stacked([output.terms for output in outputs], names)
    return Output(np.concatenate([output.total for output in outputs]), terms)


def depends_on_company(
    rows: Mapping[str, Array], output: Output, parts: list[Array], apart: Output
) -> bool:
    """Whether a value in ``output`` (of all rows) differs from the value in its part."""
    return not agree(rows, output, np.concatenate(parts), apart)
