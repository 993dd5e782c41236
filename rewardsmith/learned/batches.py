"""The transitions of all segments as numbers, and the part of them that a gradient step sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rewardsmith.errors import UsageError
from rewardsmith.learned.extras import Batch
from rewardsmith.learned.likelihood import checked_values
from rewardsmith.learned.model import Input, encoded
from rewardsmith.learned.pairs import Pairs
from rewardsmith.learned.settings import FitSettings
from rewardsmith.types import Array, Columns, FloatArray

_SMALL = 1e-8  # a feature that varies less is a constant


@dataclass(frozen=True)
class Problem:
    """Compared segments: m segments, n transitions that count, p pairs.

    Attributes:
        features: encoded and standardised inputs, shape (n, d), float32.
        centre, scale: of the standardisation, shape (d,).
        rows: places of the transitions among all that were given, shape (n,).
        starts, lengths: of each segment among the n, shape (m,).
        row_weights: the weight of each transition in the score of its segment, shape (n,).
        offsets: added to the scores, shape (m,).
        pairs: of the segments.
    """

    features: Tensor
    centre: FloatArray
    scale: FloatArray
    rows: Array
    starts: Array
    lengths: Array
    row_weights: Tensor
    offsets: Tensor
    pairs: Pairs

    def batch(self, places: Array) -> tuple[Tensor, Batch]:
        """The features of the segments that those pairs compare, and what belongs to them."""
        both = np.concatenate([self.pairs.first[places], self.pairs.second[places]])
        segments, local = np.unique(both, return_inverse=True)
        lengths = self.lengths[segments]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        taken = np.repeat(self.starts[segments], lengths) + within
        return self.features[torch.from_numpy(taken)], Batch(
            rows=torch.from_numpy(self.rows[taken]),
            segments=torch.from_numpy(segments),
            segment_of=torch.from_numpy(np.repeat(np.arange(len(segments)), lengths)),
            row_weights=self.row_weights[torch.from_numpy(taken)],
            offsets=self.offsets[torch.from_numpy(segments)],
            pairs=torch.from_numpy(places),
            first=torch.from_numpy(local[: len(places)]),
            second=torch.from_numpy(local[len(places) :]),
        )


def problem_of(
    segments: Sequence[Columns],
    pairs: Pairs,
    inputs: tuple[Input, ...],
    settings: FitSettings,
    values: FloatArray | None,
) -> Problem:
    """Encode and standardise segments, and weigh their transitions.

    Raises:
        UsageError: a segment has no step, lacks an input, or has a value that is not finite; the
            pairs are no pairs of the segments; or ``regret`` has no values.
    """
    pairs = pairs.checked(len(segments))
    numbers = [_numbers(place, segment, inputs) for place, segment in enumerate(segments)]
    lengths = np.array([len(rows) for rows in numbers])
    every = np.concatenate(numbers)
    centre, scale = every.mean(axis=0), every.std(axis=0)
    scale[scale < _SMALL] = 1.0
    features = ((every - centre) / scale).astype(np.float32)
    rows = np.arange(len(every))
    if settings.form == "final":  # the other transitions have no weight
        rows = np.cumsum(lengths) - 1
        features, lengths = features[rows], np.ones(len(lengths), int)
    offsets = np.zeros(len(lengths))
    if settings.form == "regret":
        first, last = checked_values(values, len(lengths)).T
        offsets = settings.gamma ** lengths.astype(np.float64) * last - first
    row_weights = _row_weights(lengths, settings)
    if lengths.max() > settings.most_steps:
        kept, stands_for, lengths = _thinned(lengths, settings.most_steps)
        features, rows, row_weights = features[kept], rows[kept], row_weights[kept] * stands_for
    return Problem(
        torch.from_numpy(features),
        centre,
        scale,
        rows,
        np.cumsum(lengths) - lengths,
        lengths,
        torch.from_numpy(row_weights.astype(np.float32)),
        torch.from_numpy(offsets.astype(np.float32)),
        pairs,
    )


def _numbers(place: int, segment: Columns, inputs: tuple[Input, ...]) -> FloatArray:
    try:
        rows = encoded(inputs, segment)
    except UsageError as error:
        raise UsageError(f"segment {place}: {error.message}", error.hint) from error
    if not len(rows) or not np.isfinite(rows).all():
        found = "values that are not finite" if len(rows) else "none"
        raise UsageError(f"segment {place}: expected steps with finite values, found {found}")
    return rows


def _row_weights(lengths: Array, settings: FitSettings) -> FloatArray:
    """The weight of each transition: of a sum, times a constant that suits initial weights.

    A sum is divided by the root of the mean length, so that scores of untrained networks differ
    by about as much for short as for long segments.
    """
    within = np.concatenate([np.arange(n, dtype=np.float64) for n in lengths])
    discounts = settings.gamma**within
    if settings.form != "return":
        return np.asarray(discounts)
    sums = np.add.reduceat(discounts, np.cumsum(lengths) - lengths)
    if settings.reduction == "sum":
        return np.asarray(discounts / np.sqrt(sums.mean()))
    return np.asarray(discounts * np.sqrt(sums.mean()) / np.repeat(sums, lengths))


def _thinned(lengths: Array, most: int) -> tuple[Array, FloatArray, Array]:
    """Places of the transitions that are used, how many each stands for, and the new lengths.

    The last transition of a segment stands for itself alone, because the end of an episode may
    have a reward of its own.
    """
    kept, stands_for = [], []
    for start, length in zip(np.cumsum(lengths) - lengths, lengths, strict=True):
        count = min(length, most)
        edges = np.rint(np.linspace(0, length - 1, count)).astype(int)
        widths = np.diff(edges)
        kept.append(start + np.append(edges[:-1] + widths // 2, length - 1))
        stands_for.append(np.append(widths, 1))
    counts = np.array(list(map(len, kept)))
    return np.concatenate(kept), np.concatenate(stands_for).astype(np.float64), counts
