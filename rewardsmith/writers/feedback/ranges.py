"""The range of each field in the episodes of a trained policy, against the random policy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.episodes.preflight import Arguments
from rewardsmith.run.wording import number
from rewardsmith.types import Episode
from rewardsmith.writers.feedback.records import FieldRange, RangeSummary

MOST_FIELDS = 12


def range_summary(episodes: Sequence[Episode], arguments: Arguments) -> RangeSummary:
    """The ranges of fields that differ from the random policy, largest change first.

    At most twelve fields; fields with values that are not finite are left out.

    Args:
        episodes: with the values of fields after the last step.
        arguments: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`;
            other fields are hidden, and left out.
    """
    known = episodes[0].fields if episodes else ()
    names = [name for name in known if _random_range(name, arguments) is not None]
    names = [name for name in names if name != "obs"] or names  # the fields are parts of obs
    found = [_field_range(name, episodes, arguments) for name in names]
    ranges = [one for one in found if one is not None]
    differing = [one for one in ranges if _digits(one.random) != _digits(one.here)]
    differing.sort(key=lambda one: -_change(one.random, one.here))
    return RangeSummary(differing[:MOST_FIELDS], len(ranges) - len(differing))


def _field_range(name: str, episodes: Sequence[Episode], arguments: Arguments) -> FieldRange | None:
    """None for a field that is not finite, or has no values."""
    values = np.concatenate(
        [np.asarray(episode.fields[name], np.float64).ravel() for episode in episodes]
    )
    random = _random_range(name, arguments) or (0.0, 0.0)
    if not values.size or not np.isfinite(values).all():
        return None
    return FieldRange(name, random, (float(values.min()), float(values.max())))


def _digits(ends: tuple[float, float]) -> list[str]:
    return [number(end + 0.0) for end in ends]  # no minus before a 0


def _random_range(name: str, arguments: Arguments) -> tuple[float, float] | None:
    """The range under the random policy; None for what programs may not read, and for texts."""
    found = arguments.get(name) or arguments.get(f"next_{name}")
    return None if found is None or found.words else found.range


def _change(before: tuple[float, float], after: tuple[float, float]) -> float:
    """The distance of the ends of two ranges, in widths of the first."""
    width = before[1] - before[0] or 1.0
    return (abs(after[0] - before[0]) + abs(after[1] - before[1])) / abs(width)
