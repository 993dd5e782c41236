"""Freezes module-level values, so that a program can keep nothing between calls.

Arguments are read-only, and there is no ``global``, no attribute store and no class. So state could
only live in module-level values, closures and defaults. After the module has run all of them become
constants: arrays are read-only, lists and dicts refuse changes, and values that change when they
are used (iterators, generators) are refused. The items of containers are frozen too, keys of dicts
and items of sets included, since a function anywhere among them has closures.
"""

from __future__ import annotations

from collections.abc import Callable
from types import BuiltinFunctionType, EllipsisType, FunctionType, NoneType
from typing import Any, NoReturn

import numpy as np

from rewardsmith.sandbox.dtypes import NotAvailable
from rewardsmith.sandbox.inside.facades import KNOWN

_CONSTANT = (bool, int, float, complex, str, bytes, NoneType, range, EllipsisType, type)
_NUMPY_CONSTANT = (np.number, np.bool_, np.character, np.dtype, np.ufunc, np.finfo, np.iinfo)
_PLACED = (bool, int, float, complex, str, NoneType, np.number, np.bool_)
_UNFINISHED = object()  # placeholder of a tuple or set while its items are frozen


class StateError(Exception):
    """A module-level value that could change between calls."""


def _refuse(self: object, *_: Any, **__: Any) -> NoReturn:
    raise NotAvailable(
        "a module-level list or dict is read-only: change a copy inside the function"
    )


class FrozenList(list[Any]):
    """A read-only list; for numpy and for programs it is a list."""

    append = clear = extend = insert = pop = remove = reverse = sort = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = __init__ = _refuse


class FrozenDict(dict[Any, Any]):
    """A read-only dict."""

    clear = pop = popitem = setdefault = update = _refuse
    __setitem__ = __delitem__ = __ior__ = __init__ = _refuse


def freeze(namespace: dict[str, Any]) -> None:
    """Freeze every value of a module's namespace, in place.

    Raises:
        StateError: a value cannot be frozen; the message names it.
    """
    freezer = _Freezer()
    for name in [name for name in namespace if name.isidentifier() and name != "__builtins__"]:
        namespace[name] = freezer.freeze(namespace[name], name)


def _has_value(item: object) -> bool:
    """Whether an item of a set is placed by what it is, not by where it lies in memory."""
    return all(map(_has_value, item)) if isinstance(item, tuple) else isinstance(item, _PLACED)


class _Freezer:
    """Freezes a graph of values; an object met twice becomes the same frozen object."""

    def __init__(self) -> None:
        self._seen: dict[
            int, tuple[Any, Any]
        ] = {}  # id -> the object, which so stays alive, and what it became

    def freeze(self, value: Any, name: str) -> Any:
        if id(value) in KNOWN or isinstance(value, (*_CONSTANT, *_NUMPY_CONSTANT)):
            return value
        if id(value) not in self._seen:
            self._seen[id(value)] = (value, _UNFINISHED)
            self._seen[id(value)] = (value, self._made(value, name))
        found = self._seen[id(value)][1]
        if found is _UNFINISHED:  # its items are not frozen yet
            raise StateError(f"module-level {name} contains itself; write out its items")
        return found

    def _made(self, value: Any, name: str) -> Any:
        for kind, make in self._KINDS:
            if isinstance(value, kind):
                return make(self, value, name)
        raise StateError(
            f"module-level {name} is or contains a {type(value).__name__}, which could change"
        )

    def _array(self, value: Any, name: str) -> Any:
        if value.dtype.hasobject:
            raise StateError(f"module-level {name} is an array of objects; write numbers")
        value.flags.writeable = False
        return value

    def _list(self, value: Any, name: str) -> Any:
        frozen = FrozenList.__new__(FrozenList)
        self._seen[id(value)] = (value, frozen)
        list.extend(frozen, [self.freeze(item, name) for item in value])
        return frozen

    def _dict(self, value: Any, name: str) -> Any:
        frozen = FrozenDict.__new__(FrozenDict)
        self._seen[id(value)] = (value, frozen)
        dict.update(
            frozen, {self.freeze(key, name): self.freeze(item, name) for key, item in value.items()}
        )
        return frozen

    def _tuple(self, value: Any, name: str) -> Any:
        return tuple(self.freeze(item, name) for item in value)

    def _set(self, value: Any, name: str) -> Any:
        if not all(_has_value(item) for item in value):
            raise StateError(f"module-level {name} is a set without a fixed order; use a tuple")
        return frozenset(self.freeze(item, name) for item in value)

    def _slice(self, value: Any, name: str) -> Any:
        parts = (value.start, value.stop, value.step)
        if not all(isinstance(part, (NoneType, int, float, np.number)) for part in parts):
            raise StateError(
                f"module-level {name} contains a slice of other values than numbers; use numbers"
            )
        return value

    def _function(self, value: Any, name: str) -> Any:
        self._seen[id(value)] = (value, value)  # functions may call each other
        value.__defaults__ = value.__defaults__ and self._tuple(value.__defaults__, name)
        value.__kwdefaults__ = value.__kwdefaults__ and self._dict(value.__kwdefaults__, name)
        for cell in value.__closure__ or ():
            cell.cell_contents = self.freeze(cell.cell_contents, name)
        return value

    def _method(self, value: Any, name: str) -> Any:
        if not isinstance(value.__self__, np.ufunc):
            raise StateError(
                f"module-level {name} is a method of an object that could change; call it directly"
            )
        return value

    _KINDS: tuple[tuple[Any, Callable[[_Freezer, Any, str], Any]], ...] = (
        (np.ndarray, _array),
        (list, _list),
        (dict, _dict),
        (tuple, _tuple),
        ((set, frozenset), _set),
        (slice, _slice),
        (FunctionType, _function),
        (BuiltinFunctionType, _method),
    )
