"""What the values of a program tell about how it would train: pure functions from arrays to words, nothing is run.

Each returns the text of a finding, or None. Thresholds are wide: they name what no learner can use,
not what could be better.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rewardsmith.types import FloatArray

_LARGEST_STEP, _LARGEST_RETURN, _SMALLEST_STEP = 1e3, 1e6, 1e-5
_ABSURD_STEP = 1e9  # its square, which a critic's loss holds, has no digits left in float32
_SPIKE = 100.0  # interquartile ranges away from the median; below that value it hurts nobody
_RARE = 0.02
_SLOW_US = 20.0
_OFTEN = 0.05
_FAR_BEYOND = 100.0


class Told(NamedTuple):
    """What to tell: what was found, and what to do."""

    message: str
    hint: str


def scale(total: FloatArray, horizon: float | None) -> tuple[Told, bool] | None:
    """Values per step, and what they add up to over an episode of ``horizon`` steps; whether they are absurd."""
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
    told = Told(
        f"a step is worth {typical:.3g} on average{per_episode}: learners need values near 1",
        f"multiply everything by about {factor}",
    )
    return told, largest > _ABSURD_STEP


def spikes(values: FloatArray) -> Told | None:
    """A few values that dwarf all others and differ among themselves: a division by almost nothing, say.

    A bonus is no spike: its rare values are all the same. Where all but the rare values are equal
    there is no other measure of what is far, so that two sizes of a bonus, or one of ordinary size,
    pass.
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
    return Told(
        f"{int(rare.sum())} of {len(values)} values are far from all others: up to {largest:.3g}, "
        f"while half lie within [{low * largest:.3g}, {high * largest:.3g}]",
        "bound it: np.clip, np.tanh, or a divisor that cannot come near zero",
    )


def slow(us_per_transition: float) -> Told | None:
    """The time of one transition in a large batch."""
    if us_per_transition <= _SLOW_US:
        return None
    return Told(
        f"it takes {us_per_transition:.0f} us a transition in a batch of 256, most rewards take less than 1",
        "use array expressions in place of loops",
    )


def often(rate: float) -> Told | None:
    """How often a subgoal holds after a step of random behaviour."""
    if rate <= _OFTEN:
        return None
    return Told(
        f"holds after {rate:.0%} of random steps: if some of them are false alarms the agent will learn those",
        "make it stricter, so that it holds only when the subgoal was really reached",
    )


def beyond_returns(values: FloatArray, bound: float | None) -> tuple[Told, bool] | None:
    """Values of a prior on Q against the largest return that was possible; whether they are absurd."""
    largest = float(np.abs(values).max())
    if bound is None or largest <= bound:
        return None
    told = Told(
        f"values reach {largest:.3g}, but no return of the task's own reward can exceed about {bound:.3g}",
        "give values in units of the task's own reward: what it adds up to, discounted, from here on",
    )
    return told, largest > _FAR_BEYOND * bound
