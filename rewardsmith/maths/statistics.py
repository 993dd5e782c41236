"""How results are summed up; the unit is always the training seed.

Below 10 seeds an interval is Student's t, from 10 on a BCa bootstrap (Efron 1987).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from rewardsmith.types import FloatArray, Interval

# Two-sided 95 % quantiles of Student's t for 1..8 degrees of freedom.
_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306)
_BOOTSTRAP_FROM = 10
_RESAMPLES = 4000


def interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % interval of one number per training seed.

    Args:
        values: one finite number per seed, at least one.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0 or not np.isfinite(sample).all():
        raise ValueError(
            f"interval() needs at least one value and only finite ones, got {values!r}"
        )
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, None, None, 1)
    if sample.size < _BOOTSTRAP_FROM:
        half = _T_95[sample.size - 2] * float(sample.std(ddof=1)) / math.sqrt(sample.size)
        return Interval(mean, mean - half, mean + half, sample.size)
    low, high = _bca(sample)
    return Interval(mean, low, high, sample.size)


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Interval of ``a - b`` paired by seed; it proves nothing when it contains 0.

    Raises:
        ValueError: the two have different lengths.
    """
    if len(a) != len(b):
        raise ValueError(f"paired by seed: expected equal lengths, got {len(a)} and {len(b)}")
    return interval([x - y for x, y in zip(a, b, strict=True)])


def clearly_above(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether the 95 % interval of mean(a) - mean(b) lies above 0: Student's t, equal variances; unpaired.

    With fewer than two of each nothing is clear; where neither varies, any difference is.

    Args:
        a, b: finite numbers.
    """
    one, other = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if min(one.size, other.size) < 2:
        return False
    free = one.size + other.size - 2
    pooled = (one.var() * one.size + other.var() * other.size) / free
    half = _t_95(free) * math.sqrt(pooled * (1 / one.size + 1 / other.size))
    return bool(one.mean() - other.mean() > half)


def _t_95(free: int) -> float:
    """Two-sided 95 % quantile of Student's t; above the table Hill's expansion, right to 0.005."""
    if free <= len(_T_95):
        return _T_95[free - 1]
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)


def normalised(fitness: float, random: float | None, reference: float | None) -> float | None:
    """(f - random) / (reference - random); None where a reference is missing or equals random."""
    if random is None or reference is None or reference == random:
        return None
    return (fitness - random) / (reference - random)


def _bca(sample: FloatArray) -> tuple[float, float]:
    """Bias-corrected and accelerated 95 % bootstrap interval of the mean; the resampling seed is fixed."""
    if np.ptp(sample) == 0.0:
        return float(sample[0]), float(sample[0])
    rng = np.random.default_rng(0)
    means = rng.choice(sample, size=(_RESAMPLES, sample.size)).mean(axis=1)
    normal = NormalDist()
    below = np.mean(means < sample.mean()) + 0.5 * np.mean(means == sample.mean())
    bias = normal.inv_cdf(float(np.clip(below, 1.0 / _RESAMPLES, 1.0 - 1.0 / _RESAMPLES)))
    jackknife = (sample.sum() - sample) / (sample.size - 1)
    deviations = jackknife.mean() - jackknife
    acceleration = float((deviations**3).sum() / (6.0 * (deviations**2).sum() ** 1.5))
    bounds = []
    for z in (-1.959964, 1.959964):
        shifted = bias + (bias + z) / (1.0 - acceleration * (bias + z))
        bounds.append(float(np.quantile(means, normal.cdf(shifted))))
    return bounds[0], bounds[1]


def most_likely_rate(seen: int, trials: int, confidence: float = 0.95) -> float:
    """The largest rate of an event that is compatible with how often it was seen (one-sided Clopper and Pearson 1934).

    With none seen it is 1 - (1 - confidence)^(1 / trials), about three in so many trials.
    """
    if trials <= 0 or seen >= trials:
        return 1.0
    low, high = seen / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if _at_most(seen, trials, middle) > 1 - confidence else (low, middle)
        )
    return high


def _at_most(seen: int, trials: int, rate: float) -> float:
    """The probability of so many events or fewer."""
    logs = [
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(rate) + (trials - k) * math.log1p(-rate)
        for k in range(seen + 1)
    ]  # fmt: skip
    return math.fsum(map(math.exp, logs))
