"""Arrays about the completions of a language model: their checks, and statistics of groups.

Throughout these modules n is the number of completions in a batch, and T that of tokens of the
longest one. A *group* is the completions that were sampled for one prompt. Groups are given as an
array of labels, shape (n,), integers or strings; their members need not stand together.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.types import Array, FloatArray


def per_completion(**arrays: Array) -> tuple[FloatArray, ...]:
    """The arrays as float64, after a check that each has one number per completion.

    Args:
        arrays: numbers or bools, all of shape (n,), n > 0; the names appear in the errors.

    Raises:
        ValueError: an array has another shape, or a number that is not finite.
    """
    found = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    first = next(iter(found.values()))
    for name, array in found.items():
        if array.ndim != 1 or len(array) != len(first) or not len(array):
            shapes = ", ".join(f"{key} {value.shape}" for key, value in found.items())
            raise ValueError(f"expected one number per completion, shape (n,), found {shapes}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, found {array[~np.isfinite(array)][0]}")
    return tuple(found.values())


def per_token(mask: Array, **arrays: Array) -> tuple[FloatArray, ...]:
    """The arrays as float64 with 0 outside of the mask, after a check of their shapes.

    Args:
        mask: where the tokens of a completion are, shape (n, T), bool.
        arrays: numbers, each of shape (n, T). What is outside of the mask is ignored, also NaN.

    Raises:
        ValueError: an array has another shape, or a number inside the mask is not finite.
    """
    mask = as_mask(mask)
    found = []
    for name, array in arrays.items():
        values = np.asarray(array, np.float64)
        if values.shape != mask.shape:
            raise ValueError(
                f"{name} must have the shape of the mask {mask.shape}, found {values.shape}"
            )
        values = np.where(mask, values, 0.0)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite inside the mask")
        found.append(values)
    return tuple(found)


def as_mask(mask: Array) -> Array:
    """A mask as bool, after a check that it has shape (n, T) with n and T above 0."""
    mask = np.asarray(mask)
    if mask.ndim != 2 or not mask.size or not np.isin(mask, (0, 1)).all():
        raise ValueError(f"a mask has shape (n, T) and is bool, found {mask.dtype} {mask.shape}")
    return np.asarray(mask, bool)


def last_positions(mask: Array) -> Array:
    """Where the last token of each completion is, shape (n, T), bool; nowhere in empty ones."""
    mask = as_mask(mask)
    columns = np.arange(mask.shape[1])
    last = np.where(mask, columns, -1).max(axis=1)
    return np.asarray((columns == last[:, None]) & mask)


class Groups:
    """The completions of a batch, sorted into groups.

    Args:
        labels: the group of each completion, shape (n,), for example the number of its prompt.

    Attributes:
        index: the group of each completion, counted from 0 in the order of the labels, shape (n,).
        sizes: completions of each group, shape (m,).

    Example:
        >>> groups = Groups(np.array([7, 7, 3]))
        >>> groups.mean(np.array([1.0, 0.0, 5.0]))
        array([5. , 0.5])
        >>> groups.spread_out(groups.mean(np.array([1.0, 0.0, 5.0])))
        array([0.5, 0.5, 5. ])
    """

    def __init__(self, labels: Array) -> None:
        labels = np.asarray(labels)
        if labels.ndim != 1 or not len(labels):
            raise ValueError(f"groups are labels of shape (n,), found shape {labels.shape}")
        _, self.index, self.sizes = np.unique(labels, return_inverse=True, return_counts=True)

    def of(self, **arrays: Array) -> tuple[FloatArray, ...]:
        """As :func:`per_completion`, and the arrays have as many rows as the labels."""
        found = per_completion(**arrays)
        if len(found[0]) != len(self.index):
            raise ValueError(f"found {len(self.index)} labels of groups for {len(found[0])} rows")
        return found

    def total(self, values: FloatArray) -> FloatArray:
        """The sum over each group, shape (m,)."""
        return np.asarray(np.bincount(self.index, values, len(self.sizes)), np.float64)

    def mean(self, values: FloatArray) -> FloatArray:
        """The mean of each group, shape (m,); without rounding where all values are equal."""
        lowest, highest = self.lowest(values), self.highest(values)
        return np.where(lowest == highest, lowest, self.total(values) / self.sizes)

    def std(self, values: FloatArray, ddof: int = 1) -> FloatArray:
        """The standard deviation of each group, shape (m,); exactly 0 where all are equal.

        Args:
            ddof: 1 divides by the size minus 1, as torch and TRL do; 0 by the size.
        """
        squares = self.total((values - self.spread_out(self.mean(values))) ** 2)
        std = np.sqrt(squares / np.maximum(self.sizes - ddof, 1))
        return np.where(self.highest(values) == self.lowest(values), 0.0, std)

    def lowest(self, values: FloatArray) -> FloatArray:
        """The smallest value of each group, shape (m,)."""
        return -self.highest(-values)

    def highest(self, values: FloatArray) -> FloatArray:
        """The largest value of each group, shape (m,)."""
        found = np.full(len(self.sizes), -np.inf)
        np.maximum.at(found, self.index, values)
        return found

    def spread_out(self, per_group: Array) -> Array:
        """One value per group, for each of its completions: from shape (m, ...) to (n, ...)."""
        return per_group[self.index]
