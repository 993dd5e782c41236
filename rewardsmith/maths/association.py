"""How much of the variance of one variable another one explains."""

from __future__ import annotations

import numpy as np

from rewardsmith.types import Array, FloatArray


def explained_by_groups(values: FloatArray, groups: Array) -> FloatArray:
    """The correlation ratio: the share of the variance that lies between groups, in [0, 1].

    Source: R. A. Fisher, Statistical Methods for Research Workers, 1925.

    Args:
        values: shape (n, d); a constant column is explained by nothing.
        groups: the group of each row, shape (n,).

    Returns:
        Shape (d,).
    """
    centred = values - values.mean(axis=0)
    between = np.zeros(values.shape[1])
    for group in np.unique(groups):
        members = centred[groups == group]
        between += len(members) * members.mean(axis=0) ** 2
    return _share(between, (centred**2).sum(axis=0), np.ptp(values, axis=0) > 0)


def explained_by_numbers(values: FloatArray, numbers: FloatArray) -> FloatArray:
    """Squared correlations, 0 where one of the two is constant.

    Args:
        values: shape (n, d).
        numbers: shape (n, k).

    Returns:
        Shape (d, k): the share of the variance of each value that each number explains.
    """
    one, other = values - values.mean(axis=0), numbers - numbers.mean(axis=0)
    variances = np.outer((one**2).sum(axis=0), (other**2).sum(axis=0))
    varying = np.outer(np.ptp(values, axis=0) > 0, np.ptp(numbers, axis=0) > 0)
    return _share((one.T @ other) ** 2, variances, varying)


def _share(part: FloatArray, whole: FloatArray, varying: Array) -> FloatArray:
    """A quotient in [0, 1]; 0 of what does not vary."""
    return np.clip(np.divide(part, whole, out=np.zeros_like(part), where=varying), 0.0, 1.0)
