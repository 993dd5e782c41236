"""Summaries of results; the unit is always the training seed.

Below 10 seeds an interval is Student's t, cut to the range of fitness where that is known; from 10
on a BCa bootstrap (Efron 1987). A difference is significant by a permutation test, not by its
interval: fitness is often all-or-nothing, and t assumes that it is not.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from rewardsmith.types import Difference, FloatArray, Interval, SeedSummary

# scipy is imported inside the functions: its load time must not delay `import rewardsmith`.
_BOOTSTRAP_FROM = 10
_RESAMPLES = 4000
_LEVEL = 0.05
_FEWEST_FOR_PROOF = 6  # below this, no sign-flip test reaches the 5 % level


def interval(values: Sequence[float], within: tuple[float, float] | None = None) -> Interval:
    """Mean and 95 % interval of one number per training seed.

    Args:
        values: one finite number per seed, at least one.
        within: lowest and highest possible value, where they are known; the interval stays inside.

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
        return Interval(mean, *_bca(tuple(sample.tolist())), sample.size)
    half = _t_95(sample.size - 1) * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    low, high = (-math.inf, math.inf) if within is None else within
    return Interval(mean, max(mean - half, low), min(mean + half, high), sample.size)


def paired_difference(
    a: Sequence[float], b: Sequence[float], within: tuple[float, float] | None = None
) -> Difference:
    """The mean of ``a - b``, paired by seed, with its interval and a permutation test.

    Args:
        a, b: one finite number per seed.
        within: lowest and highest possible value of ``a`` and of ``b``.

    Raises:
        ValueError: the two have different lengths.
    """
    if len(a) != len(b):
        raise ValueError(f"paired by seed: expected equal lengths, got {len(a)} and {len(b)}")
    span = None if within is None else within[1] - within[0]
    differences = [x - y for x, y in zip(a, b, strict=True)]
    found = interval(differences, None if span is None else (-span, span))
    p = sign_flip_p(differences)
    further = 0 if p <= _LEVEL else further_seeds(differences)
    return Difference(found.mean, found.low, found.high, found.n, p, further)


def unpaired_difference(
    a: Sequence[float], b: Sequence[float], within: tuple[float, float] | None = None
) -> Difference:
    """The difference of the means of two independent samples, with a permutation test.

    The interval is Welch's (1947). The test permutes the values over both samples: exact up to
    9,999 permutations, else as many random ones with a fixed seed.

    Args:
        a, b: one finite number per seed, at least one each.
        within: lowest and highest possible value of ``a`` and of ``b``.
    """
    from scipy import stats

    one, other = np.asarray(a, np.float64), np.asarray(b, np.float64)
    mean, n = float(one.mean() - other.mean()), min(one.size, other.size)
    if n < 2:
        return Difference(mean, None, None, n, 1.0, None, paired=False)
    span = math.inf if within is None else within[1] - within[0]
    half = _welch_half(one, other)
    tested = stats.permutation_test(
        (one, other), _mean_difference, permutation_type="independent", n_resamples=9999, rng=0
    )
    p = float(tested.pvalue)
    further = 0 if p <= _LEVEL else None
    low, high = max(mean - half, -span), min(mean + half, span)
    return Difference(mean, low, high, n, p, further, paired=False)


def _mean_difference(a: FloatArray, b: FloatArray, axis: int = -1) -> FloatArray:
    return np.asarray(a.mean(axis=axis) - b.mean(axis=axis))


def _welch_half(a: FloatArray, b: FloatArray) -> float:
    """Half the width of Welch's 95 % interval of mean(a) - mean(b)."""
    from scipy.special import stdtrit

    one, other = float(a.var(ddof=1)) / a.size, float(b.var(ddof=1)) / b.size
    if one + other == 0.0:
        return 0.0
    free = (one + other) ** 2 / (one**2 / (a.size - 1) + other**2 / (b.size - 1))
    return float(stdtrit(free, 0.975)) * math.sqrt(one + other)


def sign_flip_p(differences: Sequence[float]) -> float:
    """Two-sided p-value of the hypothesis that paired differences are symmetric about 0.

    The permutation test flips the sign of each difference (Fisher 1935): exact up to 13
    differences, else from 9,999 random flips with a fixed seed. Its smallest value for n
    differences is 2 / 2^n.

    Args:
        differences: finite numbers, at least one.
    """
    from scipy import stats

    sample = np.asarray(differences, np.float64)
    if sample.size < 2 or not sample.any():
        return 1.0
    found = stats.permutation_test(
        (sample,), np.sum, permutation_type="samples", n_resamples=9999, rng=0
    )
    return float(found.pvalue)


def further_seeds(differences: Sequence[float]) -> int | None:
    """How many more seeds would probably make a difference significant.

    It assumes that mean and standard deviation stay as they are: the smallest n for which the
    95 % t-interval excludes 0, at least 6, minus the seeds there are.

    Returns:
        None where fewer than two differences or a mean of 0 allow no estimate, or where it would
        take more than 1,000.
    """
    sample = np.asarray(differences, np.float64)
    if sample.size < 2 or sample.mean() == 0:
        return None
    ratio = float(sample.std(ddof=1) / abs(sample.mean()))
    first = max(_FEWEST_FOR_PROOF, sample.size + 1)
    enough = (n for n in range(first, 1001) if _t_95(n - 1) * ratio < math.sqrt(n))
    found = next(enough, None)
    return None if found is None else found - sample.size


def share_interval(count: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of a probability (Clopper and Pearson 1934).

    Args:
        count: how often the event occurred.
        n: how often it could have occurred, at least once.

    Raises:
        ValueError: ``count`` is not between 0 and ``n``, or ``n`` is 0.
    """
    from scipy.stats import binomtest

    found = binomtest(count, n).proportion_ci(confidence, "exact")
    return float(found.low), float(found.high)


def seed_summary(values: Sequence[float], solved_from: float | None) -> SeedSummary:
    """Median, worst, and number of solved seeds, with the exact interval of their probability.

    Args:
        values: fitness of each training seed, at least one.
        solved_from: fitness at which a seed solves the task; None where there is none.
    """
    sample = np.asarray(values, np.float64)
    median, worst = float(np.median(sample)), float(sample.min())
    if solved_from is None:
        return SeedSummary(sample.size, median, worst)
    solved = int((sample >= solved_from).sum())
    return SeedSummary(sample.size, median, worst, solved, *share_interval(solved, sample.size))


def interquartile_mean(values: Sequence[float]) -> float:
    """The mean of the middle half, for scores over tasks (Agarwal et al. 2021, arXiv 2108.13264).

    Args:
        values: finite numbers, at least one.
    """
    from scipy.stats import trim_mean

    return float(trim_mean(np.asarray(values, np.float64), 0.25))


def crossed_interval(values: FloatArray, resamples: int = 4000) -> Interval:
    """The mean over several programs of one request, each trained on the same seeds.

    Programs and seeds are both random draws, so both are resampled, independently of each other
    (the pigeonhole bootstrap, Owen 2007, arXiv 0712.1111). The interval is slightly too wide.

    Args:
        values: fitness, shape (programs, seeds), at least 2 x 2.

    Raises:
        ValueError: the array has another shape, or holds a value that is not finite.
    """
    if values.ndim != 2 or min(values.shape) < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"expected finite values of shape (programs, seeds), at least 2 x 2, "
            f"got shape {values.shape}"
        )
    rng = np.random.default_rng(0)
    programs, seeds = values.shape
    rows = rng.multinomial(programs, np.full(programs, 1 / programs), resamples) / programs
    columns = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    means = np.einsum("rp,ps,rs->r", rows, values, columns)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high), values.size)


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


@functools.lru_cache(maxsize=256)  # a state computes the scores of its programs again and again
def _bca(values: tuple[float, ...]) -> tuple[float, float]:
    """95 % BCa bootstrap interval of the mean; the seed of the resampling is fixed."""
    from scipy import stats

    sample = np.array(values)
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
