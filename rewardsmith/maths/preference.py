"""CARD's trajectory preference evaluation: whether a reward orders trajectories as fitness does.

CARD (Sun et al. 2025, arXiv 2410.14660) has three readings of "order preserving", which differ: its
definition 4.1 (every success above every failure), its section 4.4 (the share of pairs in order)
and its released code (the share of successes above the best failure). All three are here; the
second also reads a graded fitness.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from rewardsmith.types import Array, FloatArray

Rule = Literal["above-best-failure", "pairs", "min-max"]
Measure = Literal["mean", "discounted", "sum"]
LEAST_GAP = 0.1  # of the range of fitness, from which one trajectory counts as better than another


def trajectory_scores(
    rewards: FloatArray, lengths: Array, measure: Measure, gamma: float = 1.0
) -> FloatArray:
    """What each trajectory comes to under a reward.

    Args:
        rewards: shape (N,), of all trajectories one after the other.
        lengths: shape (m,), positive, summing to N.
        measure: mean per step, discounted sum from its beginning, or plain sum.

    Returns:
        Shape (m,); not finite where a reward of the trajectory is not.
    """
    starts = np.cumsum(lengths) - lengths
    with np.errstate(invalid="ignore", over="ignore"):
        if measure == "discounted":
            rewards = rewards * gamma ** (np.arange(len(rewards)) - np.repeat(starts, lengths))
        sums: FloatArray = np.add.reduceat(rewards, starts)
        return sums / lengths if measure == "mean" else sums


class Agreement(NamedTuple):
    """How well scores keep the order of fitness.

    Attributes:
        share: in [0, 1]; of what is in order as the rule counts it.
        better, worse: numbers of trajectories that were compared.
    """

    share: float
    better: int
    worse: int


def better_half(fitness: FloatArray, successes: Array | None) -> Array | None:
    """The better trajectories: the successes, or those above the middle of the range of fitness.

    Args:
        fitness: shape (m,).
        successes: shape (m,), bool; None where the task defines no success.

    Returns:
        Shape (m,), bool; None where there is no contrast.
    """
    if successes is not None:
        return successes if successes.any() and not successes.all() else None
    if not fitness.size or np.ptp(fitness) == 0:
        return None
    return np.asarray(fitness > (fitness.min() + fitness.max()) / 2)


def agreement(
    scores: FloatArray, fitness: FloatArray, successes: Array | None, rule: Rule
) -> Agreement | None:
    """The share of ``rule`` that scores order correctly; None where there is nothing to compare.

    A score that is not finite is out of order. Successes are compared with failures. If there are
    none of one kind, ``pairs`` still reads the graded fitness: any two that differ by a tenth of
    its range.

    Args:
        scores, fitness: shape (m,).
        successes: shape (m,), bool; None where the task defines no success.
    """
    better = better_half(fitness, successes)
    if better is not None and (successes is not None or rule != "pairs"):
        return _of_groups(scores[better], scores[~better], rule)
    if rule != "pairs" or not fitness.size or np.ptp(fitness) == 0:
        return None
    differ = fitness[:, None] - fitness[None, :] >= LEAST_GAP * np.ptp(fitness)
    in_order = _in_order(scores[:, None], scores[None, :])[differ].mean()
    return Agreement(float(in_order), int(differ.any(axis=1).sum()), int(differ.any(axis=0).sum()))


def _of_groups(better: FloatArray, worse: FloatArray, rule: Rule) -> Agreement:
    if rule == "pairs":
        share = float(_in_order(better[:, None], worse[None, :]).mean())
    else:
        above = _in_order(better, np.where(np.isfinite(worse), worse, np.inf).max()) == 1
        share = float(above.mean() if rule == "above-best-failure" else above.all())
    return Agreement(share, len(better), len(worse))


def _in_order(better: Any, worse: Any) -> FloatArray:
    """1 where the better one scores more, 0.5 where equal, 0 where less or not a number."""
    ordered = np.where(better > worse, 1.0, np.where(better == worse, 0.5, 0.0))
    return np.where(np.isfinite(better) & np.isfinite(worse), ordered, 0.0)
