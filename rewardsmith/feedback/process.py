"""Process feedback (Eureka's reward reflection): every term and the task's score along training, summed up.

About ten stretches of the curve, whatever its length; the native return is left out where the task has a
fitness of its own, since showing it would give away the reward that is to be replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

STRETCHES = 10
_NAMES = {"length": "episode length", "own_return": "own return", "fitness": "fitness", "success": "success rate"}

CurveRow = Mapping[str, float | None]


def process_rows(curves: Sequence[Sequence[CurveRow]]) -> dict[str, Any]:
    """A table over training: ``columns`` (steps at the end of each stretch) and ``rows`` of name and cells.

    Args:
        curves: one curve per training seed; rows as written by a trial, None where no episode ended.

    Returns:
        Cells are means over seeds, weighted by episodes; None where no episode ended in a stretch.
    """
    rows = [row for curve in curves for row in curve]
    last = max((row["steps"] or 0 for row in rows), default=0)
    if not last:
        return {"columns": [], "rows": []}
    names = list(dict.fromkeys(name for row in rows for name in row if name in _NAMES or name.startswith("term/")))
    edges = np.linspace(0, last, STRETCHES + 1)
    stretches = [
        [row for row in rows if low < (row["steps"] or 0) <= high] for low, high in pairwise(edges)
    ]
    kept = [(high, stretch) for high, stretch in zip(edges[1:], stretches, strict=True) if _episodes(stretch)]
    return {
        "columns": [f"{high / 1000:.0f}k steps" if last >= 10_000 else f"{high:.0f} steps" for high, _ in kept],
        "rows": [
            {"name": _NAMES.get(name, name.removeprefix("term/")), "cells": [_mean(s, name) for _, s in kept]}
            for name in names
            if any(_mean(stretch, name) is not None for _, stretch in kept)
        ],
    }


def _episodes(stretch: Sequence[CurveRow]) -> float:
    return sum(row.get("episodes") or 0 for row in stretch)


def _mean(stretch: Sequence[CurveRow], name: str) -> float | None:
    """Mean over the episodes that ended in a stretch."""
    weighted = [(row[name], row.get("episodes") or 0) for row in stretch if row.get(name) is not None]
    total = sum(weight for _, weight in weighted)
    return sum(value * weight for value, weight in weighted) / total if total else None  # type: ignore[operator, misc]
