"""Single values that an environment reports: which of them are numbers, and which a success flag.

Environments report the same thing in many ways: ``True``, ``1``, ``np.float32(1)``, an array of
one. What is recorded has one kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardsmith.types import Array


def numbers(value: Any) -> Array | None:
    """The value as an array of bool, integers or floats; None if it is anything else, or empty."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # lists of different lengths, a tensor
        return None
    return array if array.dtype.kind in "biuf" and array.size else None


def success_flag(value: Any) -> bool:
    """A success flag: True or False, 1 or 0 of any dtype, or an array of one of these.

    ``None`` stands for a success that is not known yet, and counts as False.

    Raises:
        ValueError: it is neither.
    """
    if value is None:
        return False
    found = numbers(value)
    if found is None or found.size > 1 or found.item() not in (0, 1):
        raise ValueError(f"a success flag must be True or False, or 1 or 0, found {value!r}")
    return bool(found.item())
