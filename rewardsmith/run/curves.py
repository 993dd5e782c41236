"""The curve of a training: means over its episodes, along the steps."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TERM = "term/"  # before the name of a term, in the header


@dataclass(frozen=True)
class CurveRow:
    """Means over the training episodes that ended since the row before.

    Attributes:
        steps: environment steps taken so far.
        wall_s: seconds since the training began.
        episodes: that ended; the means are None where none did.
        own_return: undiscounted return under the program, potential left out.
        success: share of solved episodes; None where the task defines no success.
        terms: term -> its sum over an episode.
    """

    steps: int
    wall_s: float = 0.0
    episodes: int = 0
    length: float | None = None
    own_return: float | None = None
    native_return: float | None = None
    fitness: float | None = None
    success: float | None = None
    terms: Mapping[str, float | None] = field(default_factory=dict)


def read_curve(path: Path) -> list[CurveRow]:
    """The rows of a curve; none where there is no file. A measure without a column is None.

    The last line of a training that still runs may be incomplete and is then left out.

    Raises:
        ValueError: another line is damaged.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = [_row(line) for line in lines[:-1]]
    try:
        return rows + [_row(line) for line in lines[-1:]]
    except (ValueError, TypeError):
        return rows


def _row(line: Mapping[str, str]) -> CurveRow:
    cells = {name: _number(text) for name, text in line.items()}
    return CurveRow(
        steps=int(line["steps"]),
        wall_s=float(line["wall_s"]),
        episodes=int(line["episodes"]),
        length=cells.get("length"),
        own_return=cells.get("own_return"),
        native_return=cells.get("native_return"),
        fitness=cells.get("fitness"),
        success=cells.get("success"),
        terms={
            name.removeprefix(_TERM): value
            for name, value in cells.items()
            if name.startswith(_TERM)
        },
    )


def _number(text: str) -> float | None:
    """A cell; None where it is empty.

    Raises:
        TypeError: the line ends before it.
    """
    if text is None:
        raise TypeError("expected a cell, found the end of the line")
    return float(text) if text else None
