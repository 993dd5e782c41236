"""How much of the variance of one variable another one explains."""

from __future__ import annotations

import numpy as np

from rewardsmith.types import Array, FloatArray


def explained_by_groups(values: FloatArray, groups: Array) -> float:
    """The correlation ratio: the share of the variance that lies between groups, in [0, 1].

    Source: R. A. Fisher, Statistical Methods for Research Workers, 1925.

    Args:
        values: shape (n,).
        groups: the group of each value, shape (n,).
    """
    total = float(np.var(values)) * len(values)
    if total == 0:
        return 0.0
    mean, between = float(np.mean(values)), 0.0
    for group in np.unique(groups):
        members = values[groups == group]
        between += len(members) * (float(np.mean(members)) - mean) ** 2
    return between / total


def explained_by_number(values: FloatArray, number: FloatArray) -> float:
    """The squared correlation of two arrays of shape (n,); 0 if one is constant."""
    if np.ptp(values) == 0 or np.ptp(number) == 0:
        return 0.0
    return float(np.corrcoef(values, number)[0, 1] ** 2)
