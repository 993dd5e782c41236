"""Finds values that a learner cannot use: pure functions from arrays to remarks; nothing is run.

Each returns the text of a finding, or None. The thresholds are wide: they catch what no learner can
use, not what could be better.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rewardsmith.types import FloatArray

_LARGEST_STEP, _LARGEST_RETURN, _SMALLEST_STEP = 1e3, 1e6, 1e-5
_ABSURD_STEP = 1e9  # its square, which a critic's loss holds, has no digits left in float32
_SPIKE = 100.0  # interquartile ranges away from the median; smaller values do no harm
_RARE = 0.02
_SLOW_US = 20.0
_OFTEN = 0.05
_FAR_BEYOND = 100.0


class Remark(NamedTuple):
    """What was found, and what to do."""

    message: str
    hint: str


def scale(total: FloatArray, horizon: float | None) -> tuple[Remark, bool] | None:
    """Check the mean value per step, and its sum over an episode of ``horizon`` steps.

    Returns:
        the remark, and whether the values are absurd
    """
    largest = float(np.abs(total).max())
    typical = float(
        (np.abs(total) / (largest or 1.0)).mean() * largest
    )  # the sum of a few 1e308 is no number
    too_large = typical > _LARGEST_STEP or typical * (horizon or 1.0) > _LARGEST_RETURN
    if not too_large and (largest == 0.0 or largest >= _SMALLEST_STEP):
        return None
    per_episode = (
        f", {typical * horizon:.3g} over an episode of {horizon:.0f} steps" if horizon else ""
    )
    factor = f"1e{-round(math.log10(typical or largest)):+03d}"
    remark = Remark(
        f"the mean size of a step's value is {typical:.3g}{per_episode}; expected values near 1",
        f"multiply all values by about {factor}",
    )
    return remark, largest > _ABSURD_STEP


def spikes(values: FloatArray) -> Remark | None:
    """Find a few values that dwarf all others and differ, e.g. after a division by almost zero.

    A bonus is no spike: its rare values are all equal. Where all other values are equal there is no
    measure of distance, so two sizes of a bonus, or one of ordinary size, pass.
    """
    largest = float(np.abs(values).max())
    shares = values / (largest or 1.0)  # differences of 1e308 are no numbers
    low, middle, high = np.quantile(shares, (0.25, 0.5, 0.75))
    far = np.abs(shares - middle)
    rare = far > _SPIKE * (high - low)
    least, sizes = (_SPIKE, 2) if high > low else (_LARGEST_STEP, 3)
    is_spike = largest >= least and 0 < rare.mean() <= _RARE
    if not is_spike or len(np.unique(np.round(np.log2(far[rare])))) < sizes:
        return None
    return Remark(
        f"{int(rare.sum())} of {len(values)} values are far from all others: up to {largest:.3g}, "
        f"while half of all values lie within [{low * largest:.3g}, {high * largest:.3g}]",
        "bound it: use np.clip, np.tanh, or a divisor that stays away from zero",
    )


def slow(us_per_transition: float) -> Remark | None:
    """Check the CPU time of one transition in a batch of 256, microseconds."""
    if us_per_transition <= _SLOW_US:
        return None
    return Remark(
        f"it takes {us_per_transition:.0f} us of CPU time per transition in a batch of 256; "
        "most rewards take less than 1 us",
        "use array expressions in place of loops",
    )


def often(rate: float) -> Remark | None:
    """Check how often a subgoal holds after a step of the random policy."""
    if rate <= _OFTEN:
        return None
    return Remark(
        f"holds after {rate:.0%} of the random policy's steps; the agent will learn false alarms",
        "make it stricter: it must hold only when the subgoal was really reached",
    )


def beyond_returns(values: FloatArray, bound: float | None) -> tuple[Remark, bool] | None:
    """Check the values of a prior on Q against the largest return that is possible.

    Returns:
        the remark, and whether the values are absurd
    """
    largest = float(np.abs(values).max())
    if bound is None or largest <= bound:
        return None
    remark = Remark(
        f"values reach {largest:.3g}; no return of the task's own reward can exceed {bound:.3g}",
        "return estimates of the discounted return of the task's own reward from here on",
    )
    return remark, largest > _FAR_BEYOND * bound
