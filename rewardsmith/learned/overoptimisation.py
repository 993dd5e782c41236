"""Where a learned reward and the fitness part, and how good a reward is where it matters most."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.types import Array, FloatArray

GoldForm = Literal["best-of-n", "rl"]


class GoldCurve(NamedTuple):
    """The true reward against the distance from the initial policy, ``d = sqrt(KL)``.

    ``d * (a - b * d)`` for best-of-n, ``d * (a - b * log d)`` for RL.

    Source: Gao et al. 2022, arXiv 2210.10760. The form of RL does not apply near d = 0.

    Attributes:
        form: which of the two.
        a, b: its coefficients.
    """

    form: GoldForm
    a: float
    b: float

    @property
    def peak(self) -> float:
        """The distance with the highest true reward; infinite where b is not above 0."""
        if self.b <= 0:
            return math.inf
        return self.a / (2 * self.b) if self.form == "best-of-n" else math.exp(self.a / self.b - 1)

    def gold(self, distance: FloatArray) -> FloatArray:
        """The true reward at distances above 0, shape (n,)."""
        return np.asarray(distance * (self.a - self.b * _penalised(distance, self.form)))


def gold_curve(kl: FloatArray, gold: FloatArray, form: GoldForm) -> GoldCurve:
    """Fit a curve by least squares of ``gold / d`` against d or log d.

    Args:
        kl: divergence from the initial policy, above 0, shape (n,); :func:`best_of_n_kl` for
            best-of-n.
        gold: true reward above that of the initial policy, shape (n,).
        form: ``best-of-n`` or ``rl``.

    Raises:
        UsageError: fewer than two different divergences, or one that is not above 0.

    Example:
        curve = gold_curve(best_of_n_kl(np.array([2, 4, 8, 16])), gold, "best-of-n")
    """
    kl = np.asarray(kl, np.float64)
    if len(np.unique(kl)) < 2 or not (kl > 0).all() or len(kl) != len(gold):
        raise UsageError("expected as many rewards as divergences above 0, at least two different")
    distance = np.sqrt(kl)
    design = np.column_stack([np.ones(len(kl)), -_penalised(distance, form)])
    (a, b), *_ = np.linalg.lstsq(design, gold / distance, rcond=None)
    return GoldCurve(form, float(a), float(b))


def _penalised(distance: FloatArray, form: GoldForm) -> FloatArray:
    return np.asarray(distance if form == "best-of-n" else np.log(distance))


def best_of_n_kl(n: Array) -> FloatArray:
    """The divergence of best-of-n sampling from its base: ``log n - (n - 1) / n``.

    Example:
        best_of_n_kl(np.array([1, 10]))  # [0.0, 1.403]
    """
    n = np.asarray(n, np.float64)
    return np.asarray(np.log(n) - (n - 1) / n)


def parting_step(
    proxy: FloatArray, fitness: FloatArray, patience: int = 3, drop: float = 0.1
) -> int | None:
    """Where in a training the reward goes on rising while the fitness falls.

    Both curves are smoothed by the median of three evaluations. They part at the best fitness if
    at each of some ``patience`` consecutive later evaluations the fitness is below the best by
    more than ``drop`` of its range so far, and the reward is above that at the best fitness by
    more than ``drop`` of its own range.

    Args:
        proxy: the reward that the agent is trained on, at each evaluation, shape (n,).
        fitness: shape (n,).
        patience: evaluations in a row that must show it.
        drop: share of a range that counts as a change.

    Returns:
        The place of the evaluation with the best fitness before they part; None if they do not.

    Raises:
        UsageError: the curves have different lengths, or a value is not finite.

    Example:
        parting_step(np.arange(9.0), np.array([0, 1, 2, 3, 4, 3, 2, 1, 0.0]))  # 4
    """
    if np.shape(proxy) != np.shape(fitness) or np.ndim(proxy) != 1:
        raise UsageError(
            f"expected two curves of the same length, found {np.shape(proxy)}, {np.shape(fitness)}"
        )
    if not (np.isfinite(proxy).all() and np.isfinite(fitness).all()):
        raise UsageError("expected curves with finite values")
    rewards, truths = _smoothed(proxy), _smoothed(fitness)
    best, apart = 0, 0
    for now in range(len(truths)):
        if truths[now] > truths[best]:
            best, apart = now, 0
            continue
        fallen = truths[best] - truths[now] > drop * np.ptp(truths[: now + 1])
        risen = rewards[now] - rewards[best] > drop * np.ptp(rewards[: now + 1])
        apart = apart + 1 if fallen and risen else 0
        if apart >= patience:
            return best
    return None


def _smoothed(curve: FloatArray) -> FloatArray:
    """The median of each value and its two neighbours; the ends count twice."""
    curve = np.asarray(curve, np.float64)
    padded = np.concatenate([curve[:1], curve, curve[-1:]])
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0))


class TailAccuracy(NamedTuple):
    """How well a proxy orders items, over all and among those it values most.

    Attributes:
        overall: share of all pairs in the right order; a tie of the proxy counts half.
        tail: that among the items at the top by the proxy.
        precision: share of the items at the top by the proxy that are at the top in truth.
    """

    overall: float
    tail: float
    precision: float


def tail_accuracy(proxy: FloatArray, true: FloatArray, top: float = 0.1) -> TailAccuracy:
    """Accuracy of a proxy where it decides: among the items it values most.

    An agent, and a choice of the best, see only the top; a proxy can be right on almost all pairs
    and be random there.

    Args:
        proxy, true: shape (n,).
        top: the share of items that are the top, at least two.

    Raises:
        UsageError: the shapes differ, there are fewer than two items, or ``top`` is not in (0, 1].

    Example:
        tail_accuracy(np.arange(100.0), np.arange(100.0))  # 1.0, 1.0, 1.0
    """
    proxy, true = np.asarray(proxy, np.float64), np.asarray(true, np.float64)
    if proxy.shape != true.shape or proxy.ndim != 1 or len(proxy) < 2 or not 0 < top <= 1:
        raise UsageError(
            f"expected two arrays of the same shape (n,), n at least 2, and a share in (0, 1]; "
            f"found {proxy.shape}, {true.shape} and {top}"
        )
    k = max(2, round(top * len(proxy)))
    best = np.argsort(-proxy, kind="stable")[:k]
    truly = np.argsort(-true, kind="stable")[:k]
    precision = len(np.intersect1d(best, truly)) / k
    return TailAccuracy(_in_order(proxy, true), _in_order(proxy[best], true[best]), precision)


def _in_order(proxy: FloatArray, true: FloatArray) -> float:
    """Share of the pairs that differ in truth that a proxy has in order; NaN without any."""
    first, second = np.triu_indices(len(true), 1)
    truth = np.sign(true[first] - true[second])
    guess = np.sign(proxy[first] - proxy[second])
    counted = truth != 0
    return float((0.5 + 0.5 * truth * guess)[counted].mean()) if counted.any() else math.nan
