"""Charts as SVG text. The style of the page defines the colours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from rewardsmith.run.wording import number
from rewardsmith.types import Interval

_WIDTH, _LEFT, _RIGHT = 640, 150, 16
_ROW = 22
_TICKS = 4


class Dot(NamedTuple):
    """One row of a dot chart; ``kind`` is a class of the page's style: best, other or native."""

    label: str
    score: Interval
    kind: str = "other"


class Line(NamedTuple):
    """One line of a line chart: points (x, y) from left to right, and what it is of."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: str = "other"


def dots(rows: Sequence[Dot], mark: float | None = None, mark_label: str = "") -> Markup:
    """Means with their intervals, one row each, on a common axis.

    Args:
        mark: a value to draw a line at, e.g. from where a task counts as solved.
    """
    values = [
        v for row in rows for v in (row.score.mean, row.score.low, row.score.high) if v is not None
    ]
    low, high = _padded([*values, *([mark] if mark is not None else [])])
    height = _ROW * len(rows) + 34

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    parts = [_axis(low, high, x, height)]
    if mark is not None:
        parts.append(
            f'<line class="mark" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="4" y2="{height - 26}"/>'
        )
        parts.append(
            f'<text class="note" x="{x(mark) - 4:.1f}" y="12" text-anchor="end">'
            f"{escape(mark_label)}</text>"
        )
    for place, row in enumerate(rows):
        y = 20 + _ROW * place
        parts.append(
            f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end" class="{row.kind}">'
            f"{escape(row.label)}</text>"
        )
        if row.score.low is not None and row.score.high is not None:
            ends = f'x1="{x(row.score.low):.1f}" x2="{x(row.score.high):.1f}"'
            parts.append(f'<line class="{row.kind}" {ends} y1="{y}" y2="{y}"/>')
        title = f"<title>{escape(row.label)}: {escape(str(row.score))}</title>"
        parts.append(
            f'<circle class="{row.kind}" cx="{x(row.score.mean):.1f}" cy="{y}" r="4.5">'
            f"{title}</circle>"
        )
    return _svg(parts, height)


def lines(series: Sequence[Line], *, unit: str = "", height: int = 190) -> Markup:
    """Lines over a common x; each kind is labelled once, at the end of its first line."""
    points = [point for line in series for point in line.points if all(map(math.isfinite, point))]
    if not points:
        return Markup("")
    low, high = _padded([y for _, y in points])
    last = max(x for x, _ in points) or 1.0
    left, right, bottom = 52, 110, height - 24

    def at(point: tuple[float, float]) -> str:
        across = left + point[0] / last * (_WIDTH - left - right)
        return f"{across:.1f},{bottom - (point[1] - low) / (high - low) * (bottom - 8):.1f}"

    parts = []
    for value in _ticks(low, high):
        y = at((0.0, value)).partition(",")[2]
        parts.append(f'<line class="grid" x1="{left}" x2="{_WIDTH - right}" y1="{y}" y2="{y}"/>')
        parts.append(
            f'<text class="note" x="{left - 6}" y="{float(y) + 4:.1f}" text-anchor="end">'
            f"{number(value)}</text>"
        )
    end = f"{last:,.0f} {unit}".strip()
    parts.append(f'<text class="note" x="{left}" y="{height - 6}">0</text>')
    parts.append(
        f'<text class="note" x="{_WIDTH - right}" y="{height - 6}" text-anchor="end">'
        f"{escape(end)}</text>"
    )
    parts += [
        f'<polyline class="{line.kind}" points="{" ".join(map(at, line.points))}"/>'
        for line in series
        if line.points
    ]
    parts += _labels(series, at, bottom)
    return _svg(parts, height)


def _labels(series: Sequence[Line], at: object, bottom: int) -> Iterable[str]:
    """One label for each name, moved apart where they would touch."""
    assert callable(at)
    ends = {
        line.label: (float(at(line.points[-1]).partition(",")[2]), line.kind)
        for line in series[::-1]
        if line.points
    }
    last = -math.inf
    for label, (y, kind) in sorted(ends.items(), key=lambda item: item[1]):
        last = max(y, last + 14)
        short = label if len(label) <= 15 else f"{label[:14]}…"
        y_text = min(last + 4, bottom + 4)
        shown = f"{escape(short)}<title>{escape(label)}</title>"
        yield f'<text class="{kind}" x="{_WIDTH - 104}" y="{y_text:.1f}">{shown}</text>'


def _axis(low: float, high: float, x: object, height: int) -> str:
    assert callable(x)
    parts = []
    for value in _ticks(low, high):
        parts.append(
            f'<line class="grid" x1="{x(value):.1f}" x2="{x(value):.1f}" '
            f'y1="4" y2="{height - 26}"/>'
        )
        parts.append(
            f'<text class="note" x="{x(value):.1f}" y="{height - 10}" text-anchor="middle">'
            f"{number(value)}</text>"
        )
    return "".join(parts)


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return low - pad, high + pad


def _ticks(low: float, high: float) -> list[float]:
    """Round values between two numbers, about four."""
    step = 10 ** math.floor(math.log10((high - low) / _TICKS))
    step *= next(
        (factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= _TICKS + 1), 10
    )
    first = math.ceil(low / step)
    return [step * number_ for number_ in range(first, math.floor(high / step) + 1)]


def _svg(parts: Sequence[str], height: int) -> Markup:
    return Markup(f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(parts)}</svg>')
