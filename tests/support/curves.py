"""Rows of a training curve, written as the cells of their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rewardsmith.run.curves import CurveRow

ROWS = [
    {"steps": 1000.0 * n, "episodes": 4.0, "length": 50.0, "own_return": 2.0 * n, "fitness": 0.1 * n,
     "term/place": 2.0 * n}
    for n in range(1, 5)
]  # fmt: skip


def curve_of(lines: Sequence[Mapping[str, float | None]]) -> list[CurveRow]:
    """One row per line; ``term/<name>`` are terms, cells that are not given are empty."""
    return [_row(line) for line in lines]


def _row(line: Mapping[str, float | None]) -> CurveRow:
    return CurveRow(
        steps=int(line.get("steps") or 0),
        wall_s=line.get("wall_s") or 0.0,
        episodes=int(line.get("episodes") or 0),
        length=line.get("length"),
        own_return=line.get("own_return"),
        native_return=line.get("native_return"),
        fitness=line.get("fitness"),
        success=line.get("success"),
        terms={
            name.removeprefix("term/"): value
            for name, value in line.items()
            if name.startswith("term/")
        },
    )
