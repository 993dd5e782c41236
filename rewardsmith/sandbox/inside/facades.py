"""Facades of numpy, math and the builtins for programs: modules with only the allowed names.

Most functions in them are the real ones, so a call costs nothing extra. The exceptions are ``pad``,
which has one unsafe mode, and functions that take a dtype (:mod:`~rewardsmith.sandbox.dtypes`).
Types with methods that change their argument (``list.append`` called on the type) are replaced by
stand-ins that support calls and ``isinstance``.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import numpy.linalg

from rewardsmith.sandbox.allowed import ATTRIBUTES, BUILTINS, LINALG, MATH, NUMPY
from rewardsmith.sandbox.dtypes import PLACES, NotAvailable, plain_array, plain_type
from rewardsmith.sandbox.inside.texts import text


class _StandIn(type):
    """The type of stand-ins: the real types that it replaces, and what a call creates."""

    kinds: tuple[type, ...]
    make: Callable[..., Any]

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.kinds)

    def __call__(cls, *values: Any, **named: Any) -> Any:
        return cls.make(*values, **named)


def _stand_in(name: str, kinds: tuple[type, ...], make: Callable[..., Any], **methods: Any) -> type:
    return _StandIn(name, (), {"kinds": kinds, "make": staticmethod(make), **methods})


def _no_array(*_: Any, **__: Any) -> Any:
    raise NotAvailable(
        "np.ndarray(...) returns uninitialised memory: use np.zeros, np.full or np.array"
    )


def _pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    if str(mode) == "empty":
        raise NotAvailable(
            'np.pad with mode="empty" returns uninitialised memory: use another mode'
        )
    return np.pad(array, pad_width, mode, **options)


def _typed(function: Callable[..., Any], place: int, from_values: bool) -> Callable[..., Any]:
    """Limit a function that creates arrays to dtypes of numbers and booleans."""

    def make(*values: Any, **named: Any) -> Any:
        if len(values) > place:
            plain_type(values[place])
        elif "dtype" in named:
            plain_type(named["dtype"])
        made = function(*values, **named)
        return plain_array(made) if from_values else made

    return make


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Limit a function that finds the common dtype of dtypes and arrays."""
    return lambda *values: plain_type(
        function(*(plain_type(v) if isinstance(v, (str, type)) else v for v in values))
    )


def _dtype(value: Any) -> Any:
    return np.dtype(plain_type(value))


def _module(name: str, content: dict[str, Any]) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(content)
    return module


_STAND_INS = {
    "list": _stand_in("list", (list,), list),
    "dict": _stand_in("dict", (dict,), dict, fromkeys=staticmethod(dict.fromkeys)),
    "set": _stand_in("set", (set, frozenset), set),
    "str": _stand_in(
        "str",
        (str,),
        text,
        **{name: getattr(str, name) for name in ATTRIBUTES if hasattr(str, name)},
    ),
}
_linalg = _module("numpy.linalg", {name: getattr(np.linalg, name) for name in LINALG})
_numpy = _module("numpy", {name: getattr(np, name) for name in NUMPY})
_FROM_VALUES = ("array", "asarray", "asfarray", "ascontiguousarray", "full", "full_like")
_MAKERS = {name: place for name, place in PLACES.items() if name in NUMPY}
_numpy.__dict__.update(
    {name: _typed(getattr(np, name), at, name in _FROM_VALUES) for name, at in _MAKERS.items()}
)
_numpy.__dict__.update(
    {name: _common(getattr(np, name)) for name in ("result_type", "promote_types")}
)
_numpy.__dict__.update(
    linalg=_linalg, pad=_pad, ndarray=_stand_in("ndarray", (np.ndarray,), _no_array)
)
_numpy.__dict__.update(dtype=_stand_in("dtype", (np.dtype,), _dtype))
_math = _module("math", {name: getattr(math, name) for name in MATH})

MODULES = {"numpy": _numpy, "numpy.linalg": _linalg, "math": _math}
TABLE = {**{name: getattr(builtins, name) for name in BUILTINS}, **_STAND_INS}
_TABLES = (*(vars(module) for module in MODULES.values()), MODULES, TABLE)
KNOWN = frozenset(
    id(value) for table in _TABLES for value in table.values()
)  # what a program cannot change
