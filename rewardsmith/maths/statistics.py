"""Summaries of results; the unit is always the training seed.

Below 10 seeds an interval is Student's t, from 10 on a BCa bootstrap (Efron 1987).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rewardsmith.types import FloatArray, Interval

# scipy is imported inside the functions: its load time must not delay `import rewardsmith`.
_BOOTSTRAP_FROM = 10
_RESAMPLES = 4000


def interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % interval of one number per training seed.

    Args:
        values: one finite number per seed, at least one.

    Raises:
        ValueError: there are no values, or one of them is not finite.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0 or not np.isfinite(sample).all():
        raise ValueError(
            f"interval() needs at least one value and only finite ones, got {values!r}"
        )
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, None, None, 1)
    if sample.size >= _BOOTSTRAP_FROM:
        return Interval(mean, *_bca(sample), sample.size)
    half = _t_95(sample.size - 1) * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return Interval(mean, mean - half, mean + half, sample.size)


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Interval of ``a - b`` paired by seed; it proves nothing when it contains 0.

    Raises:
        ValueError: the two have different lengths.
    """
    if len(a) != len(b):
        raise ValueError(f"paired by seed: expected equal lengths, got {len(a)} and {len(b)}")
    return interval([x - y for x, y in zip(a, b, strict=True)])


def clearly_above(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether the 95 % interval of mean(a) - mean(b) lies above 0.

    Unpaired Student's t with equal variances. With fewer than two values on a side nothing is
    clear; where neither side varies, any difference is.

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


def normalised(fitness: float, random: float | None, reference: float | None) -> float | None:
    """(f - random) / (reference - random); None where a reference is missing or equals random."""
    if random is None or reference is None or reference == random:
        return None
    return (fitness - random) / (reference - random)


def most_likely_rate(seen: int, trials: int, confidence: float = 0.95) -> float:
    """The upper bound on the rate of an event (one-sided, Clopper and Pearson 1934).

    With no event seen it is 1 - (1 - confidence)^(1 / trials), about 3 / trials.

    Args:
        seen: how often the event occurred.
        trials: how often it could have occurred.
        confidence: probability that the rate is at most the bound, in (0, 1).
    """
    from scipy.special import betaincinv

    if trials <= 0 or seen >= trials:
        return 1.0
    return float(betaincinv(seen + 1, trials - seen, confidence))


def _t_95(free: int) -> float:
    """Two-sided 95 % quantile of Student's t, to three decimals as printed tables have it."""
    from scipy.special import stdtrit

    return round(float(stdtrit(free, 0.975)), 3)


def _bca(sample: FloatArray) -> tuple[float, float]:
    """95 % BCa bootstrap interval of the mean; the seed of the resampling is fixed."""
    from scipy import stats

    spread = float(np.ptp(sample))
    if spread == 0.0:
        return float(sample[0]), float(sample[0])
    # Scaled by a power of two, which is exact, so that no power of a tiny spread underflows.
    exponent = math.frexp(spread)[1]
    found = stats.bootstrap(
        (np.ldexp(sample, -exponent),),
        np.mean,
        n_resamples=_RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return math.ldexp(float(found.low), exponent), math.ldexp(float(found.high), exponent)
