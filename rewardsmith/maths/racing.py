"""Confidence bounds of mean fitness, and a sequential test of which program is best.

LUCB (Kalyanakrishnan et al. 2012, "PAC subset selection in stochastic multi-armed bandits") trains
the program with the highest mean and the challenger with the highest upper bound on further seeds,
until the challenger cannot be better by more than a tolerance.

The variance of a few seeds is uncertain, so it is shrunk towards the median variance of all
programs (the moderated t-statistic, Smyth 2004, doi 10.2202/1544-6115.1027).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith.types import FloatArray

_PRIOR = 3  # degrees of freedom of the median variance, added to those of a program's own seeds
LEVEL = 0.05


@dataclass(frozen=True)
class Bounds:
    """One-sided confidence bounds of a mean over seeds.

    Attributes:
        low, high: infinite where no program has two seeds, so that nothing is known of the spread.
        n: number of seeds.
    """

    mean: float
    low: float
    high: float
    n: int


def moderated_bounds(
    fitness: Mapping[str, Sequence[float]],
    level: float = LEVEL,
    within: tuple[float, float] | None = None,
) -> dict[str, Bounds]:
    """The one-sided bounds of each program's mean fitness, each wrong with probability ``level``.

    Args:
        fitness: program -> one finite number per training seed, at least one.
        level: in (0, 0.5).
        within: lowest and highest possible fitness, where they are known; bounds stay inside.

    Example:
        moderated_bounds({"a": [0.9, 0.8], "b": [0.7]})["b"].high
    """
    samples = {name: np.asarray(values, np.float64) for name, values in fitness.items()}
    variances = [float(sample.var(ddof=1)) for sample in samples.values() if sample.size > 1]
    usual = float(np.median(variances)) if variances else math.inf
    low, high = (-math.inf, math.inf) if within is None else within
    found = {}
    for name, sample in samples.items():
        mean, half = float(sample.mean()), _half_width(sample, usual, level)
        found[name] = Bounds(mean, max(mean - half, low), min(mean + half, high), sample.size)
    return found


def challenger(
    bounds: Mapping[str, Bounds], leader: str, rivals: Sequence[str], tolerance: float
) -> str | None:
    """The rival that may be better than the leader by more than a tolerance; None if none may be.

    Args:
        bounds: of the leader and the rivals.
        rivals: of two with equal bounds, the first one counts.
        tolerance: difference of mean fitness that does not matter.
    """
    rival = max(rivals, key=lambda name: bounds[name].high, default=None)
    if rival is None or bounds[rival].high <= bounds[leader].low + tolerance:
        return None
    return rival


def _half_width(sample: FloatArray, usual: float, level: float) -> float:
    if math.isinf(usual):
        return math.inf
    from scipy.special import stdtrit

    free = sample.size - 1
    own = float(sample.var(ddof=1)) if free else 0.0
    variance = (_PRIOR * usual + free * own) / (_PRIOR + free)
    return float(stdtrit(_PRIOR + free, 1 - level)) * math.sqrt(variance / sample.size)
