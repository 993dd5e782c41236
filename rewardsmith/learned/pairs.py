"""Pairs of segments with labels, and sources of them other than a judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.maths.judging import cycles_of_three, first_deciding
from rewardsmith.types import Array, Columns, FloatArray


class Pairs(NamedTuple):
    """Compared pairs of segments.

    Attributes:
        first, second: places of the segments, shape (n,), int.
        label: the probability that the first one is better, shape (n,), float in [0, 1]; a tie
            is 0.5.
        weight: how much each pair counts, shape (n,), float, at least 0.

    Example:
        pairs = rs.Pairs.of(first=[0, 2], second=[1, 3], label=[1.0, 0.5])
    """

    first: Array
    second: Array
    label: FloatArray
    weight: FloatArray

    @classmethod
    def of(
        cls,
        first: Sequence[int] | Array,
        second: Sequence[int] | Array,
        label: Sequence[float] | FloatArray,
        weight: Sequence[float] | FloatArray | None = None,
    ) -> Self:
        """Pairs of sequences; without weights all pairs count alike."""
        labels = np.asarray(label, np.float64)
        weights = np.ones(len(labels)) if weight is None else np.asarray(weight, np.float64)
        return cls(_places(first), _places(second), labels, weights)

    def checked(self, segments: int) -> Self:
        """The same pairs, as arrays.

        Args:
            segments: number of segments that exist.

        Raises:
            UsageError: there is no pair, the arrays have different lengths, a segment does not
                exist or is compared with itself, or a label or a weight is out of range.
        """
        shapes = {np.shape(array) for array in self}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            found = ", ".join(f"{name} {np.shape(a)}" for name, a in self._asdict().items())
            raise UsageError(f"pairs: expected four arrays of shape (n,), found {found}")
        pairs = type(self).of(*self)
        first, second, label, weight = pairs
        if (
            not len(first)
            or not np.isfinite(weight).all()
            or (weight < 0).any()
            or not weight.any()
        ):
            raise UsageError(
                "pairs: expected at least one pair, finite weights of at least 0, and one above 0"
            )
        places = np.concatenate([first, second])
        if places.dtype.kind not in "iu" or places.min() < 0 or places.max() >= segments:
            raise UsageError(
                f"pairs: expected places from 0 to {segments - 1} of {segments} segments, "
                f"found {places.min()} to {places.max()} ({places.dtype})"
            )
        if (first == second).any():
            place = int(np.argmax(first == second))
            raise UsageError(f"pairs: pair {place} compares segment {first[place]} to itself")
        if not ((label >= 0) & (label <= 1)).all():
            raise UsageError(
                "pairs: expected labels in [0, 1]",
                "a label is the probability that the first segment is better; leave pairs "
                "without an answer out",
            )
        return pairs


def _places(values: Sequence[int] | Array) -> Array:
    return np.asarray(values, None if len(values) else int)


class CutPairs(NamedTuple):
    """Segments that were cut out of trajectories, and pairs of them."""

    segments: list[Columns]
    pairs: Pairs


def from_demonstrations(
    demonstrations: Sequence[Columns],
    rollouts: Sequence[Columns],
    count: int,
    length: int,
    seed: int = 0,
) -> CutPairs:
    """Pairs in which a segment of a demonstration is better than one of an agent.

    Both segments of a pair have the same length, and both or neither end with the last step of
    their trajectory, so that neither length nor the end of an episode gives the answer away. Each
    trajectory is used equally often, and the demonstration is the first of every second pair.

    Source: DIP-RL (Novoseller et al. 2023, arXiv 2307.12158). Its comparison of later with earlier
    segments of the agent is unlabelled, and is left out.

    Args:
        demonstrations, rollouts: trajectories: name -> array of shape (T, ...).
        count: number of pairs.
        length: steps of each segment; shorter where one of the two trajectories is.
        seed: of the places at which segments are cut.

    Returns:
        2 * count segments and count pairs.

    Raises:
        UsageError: there are no demonstrations or no rollouts, or ``count`` or ``length`` is
            below 1.

    Example:
        segments, pairs = from_demonstrations(demos, rollouts, count=200, length=25)
        fit = rs.fit_preferences(segments, pairs)
    """
    if not demonstrations or not rollouts:
        raise UsageError(
            f"expected at least one demonstration and one rollout, found {len(demonstrations)} "
            f"and {len(rollouts)}"
        )
    if count < 1 or length < 1:
        raise UsageError(f"expected a count and a length of at least 1, found {count}, {length}")
    rng = np.random.default_rng(seed)
    good = _each_equally_often(len(demonstrations), count, rng)
    bad = _each_equally_often(len(rollouts), count, rng)
    segments: list[Columns] = []
    for demonstration, rollout in zip(good, bad, strict=True):
        both = demonstrations[demonstration], rollouts[rollout]
        segments += _cut(both, length, rng)
    better, worse = 2 * np.arange(count), 2 * np.arange(count) + 1
    swapped = np.arange(count) % 2 == 1
    first, second = np.where(swapped, worse, better), np.where(swapped, better, worse)
    return CutPairs(segments, Pairs.of(first, second, np.where(swapped, 0.0, 1.0)))


def _each_equally_often(n: int, count: int, rng: np.random.Generator) -> Array:
    """Count places below n in random order, each as often as the others within one."""
    rounds = [rng.permutation(n) for _ in range(-(-count // n))]
    return np.concatenate(rounds)[:count]


def _cut(
    both: tuple[Columns, Columns], length: int, rng: np.random.Generator
) -> tuple[Columns, Columns]:
    """A segment of each; both end with the last step, or neither."""
    steps = [len(next(iter(columns.values()))) for columns in both]
    length = min(length, *steps)
    at_end = length == min(steps) or rng.random() < length / np.mean(steps)
    starts = [n - length if at_end else int(rng.integers(n - length)) for n in steps]
    one, other = map(_part, both, starts, (length, length))
    return one, other


def _part(columns: Columns, start: int, length: int) -> Columns:
    return {name: np.asarray(column)[start : start + length] for name, column in columns.items()}


def from_ratings(ratings: Sequence[int] | Array, count: int | None = None, seed: int = 0) -> Pairs:
    """Pairs of segments that were rated differently; the one with the higher rating is better.

    Ratings are grades in a few bins. ERL-VLM (Luu et al. 2025, arXiv 2506.12822) classifies the
    predicted return into the bins. Pairs are used here because they need only the order of the
    bins: there are no borders between them to estimate, and one trainer fits every source of
    labels. Segments with the same rating are no tie, since a bin is wide; they are not paired.
    Every two ratings have the same total weight, so that rare ratings count (the paper samples
    the bins evenly).

    Args:
        ratings: shape (m,), numbers; higher is better.
        count: number of pairs, drawn at random; None takes all pairs of different ratings.
        seed: of the draw, and of which segment of a pair comes first.

    Returns:
        Pairs with labels 0 or 1 and weights of mean 1.

    Raises:
        UsageError: fewer than two different ratings.

    Example:
        from_ratings([3, 1, 3, 2])  # pairs of all but the segments 0 and 2
    """
    grades = np.asarray(ratings)
    kinds, bins = np.unique(grades, return_inverse=True)
    if len(kinds) < 2:
        raise UsageError(
            f"expected at least two different ratings, found {len(kinds)}",
            "rate segments that differ, or use more grades",
        )
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(len(grades), 1)
    different = bins[first] != bins[second]
    first, second = _shuffled(first[different], second[different], rng)
    first, second = first[:count], second[:count]
    low, high = np.minimum(bins[first], bins[second]), np.maximum(bins[first], bins[second])
    _, kind, counts = np.unique(low * len(kinds) + high, return_inverse=True, return_counts=True)
    weight = len(first) / (len(counts) * counts[kind])
    return Pairs.of(first, second, (bins[first] > bins[second]).astype(float), weight)


def _shuffled(first: Array, second: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The pairs in random order, each with its two segments in random order."""
    order, swapped = rng.permutation(len(first)), rng.random(len(first)) < 0.5
    first, second = first[order], second[order]
    return np.where(swapped, second, first), np.where(swapped, first, second)


class RankedPairs(NamedTuple):
    """Pairs that ranked factors decided.

    Attributes:
        pairs: the decided pairs, or as many of them as were asked for.
        level: which factor decided each of them, shape (n,), int from 0.
        undecided: how many of all pairs of segments no factor decides.
        cycles: how many triples of segments beat each other in a circle. They come from margins
            above 0 on factors before the last; no reward can satisfy all three pairs.
    """

    pairs: Pairs
    level: Array
    undecided: int
    cycles: int


def by_ranked_factors(
    factors: FloatArray,
    signs: Sequence[float] | None = None,
    margins: Sequence[float] | None = None,
    count: int | None = None,
    seed: int = 0,
) -> RankedPairs:
    """Pairs of segments, labelled by factors that are ranked instead of weighted.

    Source: HERON (Bukharin et al. 2023, arXiv 2309.02632), whose code gives the first factor no
    margin and the second a multiple of its standard deviation.

    Args:
        factors: shape (m, f), of m segments, the most important factor first.
        signs: 1 where more is better, -1 where less is; None is all 1.
        margins: by how many of its standard deviations a factor must differ to decide; None is 0
            for the first factor and 0.5 for the others.
        count: how many of the decided pairs are drawn; None takes all.
        seed: of the draw, and of which segment of a pair comes first.

    Raises:
        UsageError: the shapes do not fit, a margin is negative, a factor is not finite, or no
            pair is decided.

    Example:
        ranked = by_ranked_factors(np.array([[1.0, 3.0], [1.0, 5.0], [0.0, 9.0]]))
        fit = rs.fit_preferences(segments, ranked.pairs)
    """
    factors = np.asarray(factors, np.float64)
    signs, margins = _ranking(factors, signs, margins)
    scaled = np.asarray(margins) * factors.std(axis=0)
    deciding = first_deciding(factors, np.asarray(signs), scaled)
    first, second = np.triu_indices(len(factors), 1)
    decided = deciding[first, second] != 0
    if not decided.any():
        raise UsageError(
            f"no factor decides any of {len(decided)} pairs", "lower the margins, or add a factor"
        )
    rng = np.random.default_rng(seed)
    one, other = _shuffled(first[decided], second[decided], rng)
    one, other = one[:count], other[:count]
    pairs = Pairs.of(one, other, (deciding[one, other] > 0).astype(float))
    level = np.abs(deciding[one, other]) - 1
    circles = cycles_of_three(*np.nonzero(deciding > 0))
    return RankedPairs(pairs, level, int((~decided).sum()), circles)


def _ranking(
    factors: FloatArray, signs: Sequence[float] | None, margins: Sequence[float] | None
) -> tuple[Sequence[float], Sequence[float]]:
    """Signs and margins, with their defaults, checked."""
    if factors.ndim != 2 or not factors.shape[1] or not np.isfinite(factors).all():
        raise UsageError(f"factors: expected finite numbers (m, f), found shape {factors.shape}")
    f = factors.shape[1]
    signs = [1.0] * f if signs is None else signs
    margins = [0.0, *[0.5] * (f - 1)] if margins is None else margins
    if len(signs) != f or len(margins) != f or set(signs) - {1, -1} or min(margins) < 0:
        raise UsageError(
            f"expected {f} signs of 1 or -1 and {f} margins of at least 0, found signs "
            f"{list(signs)} and margins {list(margins)}"
        )
    return signs, margins
