"""What a program may turn into text: what has the same text in every process.

The text of a function, an iterator or an exception holds an address, that of a set its order, that
of a module or a type tells the sandbox from an exported file. :mod:`namespace` puts :func:`shown`
around whatever an f-string or ``%`` shows; ``str`` asks it too.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

import numpy as np

from rewardsmith.sandbox.dtypes import NotAvailable

_ALONE = frozenset((str, int, float, bool, NoneType, complex, range))


def shown(value: Any) -> Any:
    """The same value, if its text is the same in every process.

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
        f"the text of a {type(value).__name__} differs between processes: show numbers and names only"
    )


def text(value: Any = "", *how: Any) -> str:
    """``str`` for programs.

    Raises:
        NotAvailable: see :func:`shown`.
    """
    return str(shown(value), *how)
