"""The source of a field's value, as one short expression.

obs                        the whole observation (Box, Discrete, MultiDiscrete, MultiBinary)
obs[0]   obs[2:5]          a slice of it
obs["cart"]["position"][0] a key of a Dict (nested), then a slice of the leaf
obs[1]   obs[1][0:3]       a part of a Tuple, then a slice of it
info["x_position"]         an info key, the value after a step
fields.py:tip_height       a function (env, obs, info) -> array in the task's folder
"""

from __future__ import annotations

import ast
import warnings
from typing import Any, Literal, NamedTuple

Index = int | slice | tuple[int | slice, ...]


class Source(NamedTuple):
    """A parsed source.

    Attributes:
        kind: ``obs``, ``info`` or ``function``.
        keys: for obs the keys of Dicts and the places in Tuples that lead to the leaf, for info
            the one key, for a function its name.
        part: the part of the leaf; None for all of it.
        file: the file of a function.
    """

    kind: Literal["obs", "info", "function"]
    keys: tuple[str | int, ...]
    part: Index | None = None
    file: str = ""

    @property
    def name(self) -> str:
        """The key of info, or the name of the function."""
        return str(self.keys[0])


def parse_source(text: str) -> Source:
    """Parse a source expression.

    Raises:
        ValueError: the text is not one of the forms above.
    """
    if text.partition(":")[0].endswith(".py"):
        file, _, function = text.partition(":")
        if not function.isidentifier():
            raise ValueError(f"expected 'file.py:function', found {text!r}")
        return Source("function", (function,), file=file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise _unreadable(text) from None
    keys: list[str | int] = []
    index: Index | None = None
    while isinstance(node, ast.Subscript):  # read from the outside in
        key = _subscript(node.slice, text)
        if isinstance(key, str):
            keys.insert(0, key)
        elif not keys and index is None:
            index = key
        elif isinstance(key, int):
            keys.insert(0, key)  # of a Tuple
        else:
            raise _unreadable(text)  # a slice must be the last subscript
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in ("obs", "info"):
        raise _unreadable(text)
    if node.id == "info":
        if len(keys) != 1 or not isinstance(keys[0], str):
            raise ValueError(
                f'an info source has one key, as in info["x_position"], found {text!r}'
            )
        return Source("info", tuple(keys), index)
    return Source("obs", tuple(keys), index)


def _subscript(node: ast.expr, text: str) -> str | Index:
    if isinstance(node, ast.Tuple):
        parts = [_subscript(element, text) for element in node.elts]
        if any(isinstance(part, str | tuple) for part in parts):
            raise _unreadable(text)
        return tuple(parts)  # type: ignore[arg-type]
    if isinstance(node, ast.Slice):
        lower, upper, step = (
            None if part is None else _literal(part, text)
            for part in (node.lower, node.upper, node.step)
        )
        if step == 0 or any(type(part) not in (int, type(None)) for part in (lower, upper, step)):
            raise _unreadable(text)
        return slice(lower, upper, step)
    value = _literal(node, text)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise _unreadable(text)


def _literal(node: ast.expr, text: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        raise _unreadable(text) from None


def _unreadable(text: str) -> ValueError:
    return ValueError(
        f'expected obs, obs[0], obs["key"][0:3], info["key"] or fields.py:function, found {text!r}'
    )
