"""Numbers that follow a training: weights that adapt, and running moments.

Each is a frozen state of plain numbers, so that it can be written as JSON beside a checkpoint
(``dataclasses.asdict``), and a step that returns the next state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from rewardsmith.maths.completions import per_completion
from rewardsmith.types import Array, FloatArray


@dataclass(frozen=True)
class DualWeight:
    """The weight of a penalty that grows while a measure is above its reference.

    lambda <- min(max(0, lambda + rate * (measure - reference)), highest).

    Source: A-DLP, Su and Cardie 2025, arXiv 2505.18298, with the accuracy of the batch as measure:
    as long as the answers are more often right than the reference demands, tokens become more
    expensive. Its code begins with lambda = 0.001, with rate 0.001, reference 0.62, and lengths in
    tokens. The same rule is the dual ascent of a constraint: with a cost as measure and its limit
    as reference, the multiplier of constrained RL.

    Attributes:
        value: lambda, at least 0.
        rate: above 0.
        reference: at which the weight rests.
        highest: the largest weight.

    Example:
        >>> weight = DualWeight(value=0.001, rate=0.001, reference=0.62)
        >>> round(weight.step(0.92).value, 6)
        0.0013
    """

    value: float = 1e-3
    rate: float = 1e-3
    reference: float = 0.62
    highest: float = 1e9

    def __post_init__(self) -> None:
        if not 0 <= self.value <= self.highest or not self.rate > 0:
            raise ValueError(f"expected 0 <= value <= highest and rate > 0, found {self}")

    def step(self, measure: float) -> Self:
        """The weight after a batch with this measure.

        Raises:
            ValueError: the measure is not finite.
        """
        if not math.isfinite(measure):
            raise ValueError(f"the measure must be finite, found {measure!r}")
        moved = self.value + self.rate * (measure - self.reference)
        return replace(self, value=min(max(0.0, moved), self.highest))


@dataclass(frozen=True)
class RunningMoments:
    """Mean, variance and range of all scores so far, without keeping them.

    Source: Chan, Golub and LeVeque 1983. A running scale is among the shapes that Fu et al. 2025,
    arXiv 2502.18770, compare.

    Attributes:
        count, mean, squares: number, mean, and sum of squared deviations.
        lowest, highest: 0 before the first batch.

    Example:
        >>> moments = RunningMoments().step(np.array([1.0, 3.0])).step(np.array([5.0]))
        >>> moments.mean, moments.std
        (3.0, 2.0)
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0

    def step(self, scores: Array) -> Self:
        """The moments with one more batch, shape (n,)."""
        (scores,) = per_completion(scores=scores)
        count, mean = self.count + len(scores), float(scores.mean())
        gap = mean - self.mean
        squares = float(((scores - mean) ** 2).sum())
        lowest, highest = float(scores.min()), float(scores.max())
        return replace(
            self,
            count=count,
            mean=self.mean + gap * len(scores) / count,
            squares=self.squares + squares + gap**2 * self.count * len(scores) / count,
            lowest=min(self.lowest, lowest) if self.count else lowest,
            highest=max(self.highest, highest) if self.count else highest,
        )

    @property
    def std(self) -> float:
        """The standard deviation, which divides by the count minus 1."""
        return math.sqrt(self.squares / max(self.count - 1, 1))

    def standardized(self, scores: Array) -> FloatArray:
        """Scores minus the mean, over the standard deviation, shape (n,); 0 without spread."""
        (scores,) = per_completion(scores=scores)
        return np.zeros_like(scores) if self.std == 0 else (scores - self.mean) / self.std

    def within_range(self, scores: Array) -> FloatArray:
        """Scores from 0 at the lowest so far to 1 at the highest, clipped, shape (n,)."""
        (scores,) = per_completion(scores=scores)
        span = self.highest - self.lowest
        return np.zeros_like(scores) if span == 0 else np.clip((scores - self.lowest) / span, 0, 1)


def cosine_fade(step: int, until: int) -> float:
    """A factor that falls from 1 to 0 along half a cosine, and stays 0.

    Source: the bonus for diversity of DIVER, Hu et al. 2025, arXiv 2509.26209, is active in the
    first 100 steps.

    Args:
        step: of the training, from 0.
        until: the first step at which the factor is 0, above 0.
    """
    if step < 0 or until < 1:
        raise ValueError(f"expected step >= 0 and until > 0, found {step!r} and {until!r}")
    return 0.5 * (1.0 + math.cos(math.pi * min(step / until, 1.0)))
