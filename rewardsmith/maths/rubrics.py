"""Rewards from verdicts on a completion: rubrics, gates and levels of execution.

The verdicts are arrays of 0 and 1, from whatever verifies a completion; nothing is parsed here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.maths.completions import per_completion
from rewardsmith.types import Array, FloatArray

# Weights of the five levels in the three stages of Planner-R1, from dense to sparse.
PLANNER_STAGES = ((1, 1, 1, 1, 1), (0, 0, 1, 1, 1), (0, 0, 0, 0, 1))


def all_pass(items: Array) -> FloatArray:
    """1 where every item of a rubric is fulfilled, else 0.

    Source: RIFL, He et al. 2025, arXiv 2511.10507.

    Args:
        items: verdicts, shape (n, k), of 0 and 1.

    Returns:
        Shape (n,). A further item can only lower it.
    """
    return np.asarray(_verdicts(items).all(axis=1), np.float64)


def weighted_rubric(items: Array, weights: Array) -> FloatArray:
    """The weighted share of the items of a rubric that are fulfilled: sum w s / sum w.

    Source: Chasing the Tail, Zhang et al. 2025, arXiv 2509.21500, with weights from 1 to 3.

    Args:
        items: verdicts s, shape (n, k), of 0 and 1.
        weights: w, shape (k,), at least 0, not all 0.

    Returns:
        Shape (n,), in [0, 1].
    """
    verdicts, weights = _verdicts(items), np.asarray(weights, np.float64)
    if weights.shape != verdicts.shape[1:] or (weights < 0).any() or not weights.sum() > 0:
        raise ValueError(
            f"expected {verdicts.shape[1]} weights at least 0, not all 0, found {weights}"
        )
    return np.asarray(verdicts @ weights / weights.sum())


def gated_levels(valid: Array, levels: Array, weights: Sequence[float]) -> FloatArray:
    """The weighted sum of levels where the form is valid, else 0.

    Source: Planner-R1, Zhu et al. 2025, arXiv 2509.25779: the gate is the schema, the five levels
    are soft and strict micro constraints, soft and strict macro constraints, and the final pass;
    :data:`PLANNER_STAGES` has the weights of its three stages.

    Args:
        valid: whether the form is valid, shape (n,), of 0 and 1.
        levels: shape (n, k).
        weights: of the levels, k numbers; see :func:`stage_weights`.

    Returns:
        Shape (n,).
    """
    (valid,) = per_completion(valid=valid)
    levels, factors = np.asarray(levels, np.float64), np.asarray(weights, np.float64)
    if levels.shape != (len(valid), len(factors)):
        raise ValueError(
            f"expected levels of shape ({len(valid)}, {len(factors)}), found {levels.shape}"
        )
    return np.asarray(np.where(valid > 0, levels @ factors, 0.0))


def stage_weights(
    progress: float, stages: Sequence[Sequence[float]] = PLANNER_STAGES
) -> tuple[float, ...]:
    """The weights of the stage that a training has reached, with stages of equal length.

    Args:
        progress: the share of the training that is over, in [0, 1].
        stages: weights of each stage, in order. That they are equally long is our choice.

    Example:
        >>> stage_weights(0.5)
        (0.0, 0.0, 1.0, 1.0, 1.0)
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must be in [0, 1], found {progress!r}")
    stage = stages[min(int(progress * len(stages)), len(stages) - 1)]
    return tuple(float(weight) for weight in stage)


def execution_levels(runs: Array, matches: Array, small: float = 0.1) -> FloatArray:
    """1 where the result of a query or a program is right, a small reward where it only runs.

    Source: Arctic-Text2SQL-R1, Yao et al. 2025, arXiv 2505.20315; the small reward there was not
    verified.

    Args:
        runs, matches: shape (n,), of 0 and 1; what matches also runs.
        small: in [0, 1).

    Returns:
        Shape (n,), of 0, ``small`` and 1.
    """
    runs, matches = per_completion(runs=runs, matches=matches)
    if (matches > runs).any() or not 0 <= small < 1:
        raise ValueError("what matches must also run, and the small reward must be in [0, 1)")
    return np.where(matches > 0, 1.0, np.where(runs > 0, small, 0.0))


def _verdicts(items: Array) -> FloatArray:
    items = np.asarray(items, np.float64)
    if items.ndim != 2 or not items.size or not np.isin(items, (0, 1)).all():
        raise ValueError(f"items are 0 or 1 and of shape (n, k), found shape {items.shape}")
    return items
