"""Allows text only of values whose text is the same in every process.

The text of a function, an iterator or an exception contains an address, the text of a set depends
on its order, and the text of a module or type differs between the sandbox and an exported file.
:mod:`namespace` inserts :func:`shown` around each value in an f-string or ``%``; ``str`` calls it
too.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

import numpy as np

from rewardsmith.sandbox.dtypes import NotAvailable

_ALONE = frozenset((str, int, float, bool, NoneType, complex, range))


def shown(value: Any) -> Any:
    """Return the same value if its text is the same in every process.

    Raises:
        NotAvailable: it is not.
    """
    if type(value) in _ALONE or isinstance(value, np.dtype):
        return value
    if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
        return value
    if isinstance(value, dict):
        shown([*value.keys(), *value.values()])
        return value
    if isinstance(value, (list, tuple)):
        for item in value:
            shown(item)
        return value
    raise NotAvailable(
        f"the text of a {type(value).__name__} differs between processes; use numbers and names"
    )


def text(value: Any = "", *how: Any) -> str:
    """``str`` for programs.

    Raises:
        NotAvailable: see :func:`shown`.
    """
    return str(shown(value), *how)
