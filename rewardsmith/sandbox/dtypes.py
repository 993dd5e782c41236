"""Allows arrays of numbers and booleans only.

Other dtypes break repeatability or confinement: numpy reads the clock when the text "now" becomes a
date, never frees an array of objects that contains itself, and writes memory addresses into arrays
of texts. A text that names a dtype is checked twice: in the source, and by :func:`plain_type` when
it runs (:mod:`namespace` inserts that call).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rewardsmith.types import Finding

_WORDS = (
    "bool bool_ float float16 float32 float64 half single double int int8 int16 int32 int64 intp "
    "uint uint8 uint16 uint32 uint64 complex complex128"
)
_LETTERS = "? b1 f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b h i l q B H I L Q e f d"
TEXTS = frozenset(_WORDS.split()).union(
    f"{order}{letters}" for order in ("", "<", "=", ">") for letters in _LETTERS.split()
)
# function -> position of its dtype argument
PLACES = dict.fromkeys(
    ("array", "asarray", "asfarray", "ascontiguousarray", "zeros", "ones", "identity", "indices"), 1
)
PLACES |= dict.fromkeys(("zeros_like", "ones_like"), 1) | dict.fromkeys(("full", "full_like"), 2)
PLACES |= (
    dict.fromkeys(("arange", "eye", "tri"), 3)
    | dict.fromkeys(("linspace", "logspace"), 5)
    | {"geomspace": 4}
)
METHODS = {"astype": 0, "reduce": 2, "accumulate": 2, "reduceat": 3}
_NUMBERS = "use np.float64, np.float32, np.int64 or bool"
_KINDS = "biufc"


class NotAvailable(RuntimeError):
    """An operation of numpy or Python that programs may not use; programs cannot catch it."""


def plain_type(value: Any) -> Any:
    """Return the same value if it names a dtype of numbers or booleans.

    Raises:
        NotAvailable: it names another dtype.
    """
    if value is None or (type(value) is str and value in TEXTS):
        return value
    if isinstance(value, type) and issubclass(
        value, (bool, int, float, complex, np.number, np.bool_)
    ):
        return value
    if isinstance(value, np.dtype) and value.kind in _KINDS:
        return value
    raise NotAvailable(f"expected a dtype of numbers or booleans: {_NUMBERS}")


def plain_array(array: Any) -> Any:
    """Return the same array if it holds numbers or booleans.

    Raises:
        NotAvailable: it holds anything else.
    """
    if array.dtype.kind not in _KINDS:
        raise NotAvailable(f"an array of dtype {array.dtype}; expected numbers or booleans")
    return array


def asked_types(node: ast.Call) -> Iterator[tuple[ast.expr, bool]]:
    """The dtype arguments of a call, each with whether it must be checked when it runs."""
    name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
    place = METHODS.get(name, PLACES.get(name))
    if place is not None and len(node.args) > place:
        yield node.args[place], name in METHODS
    if name in ("dtype", "result_type", "promote_types"):
        yield from ((value, False) for value in node.args)
    yield from ((keyword.value, True) for keyword in node.keywords if keyword.arg == "dtype")


def check_dtypes(nodes: Sequence[ast.AST]) -> Iterator[Finding]:
    """Check the dtypes that the source shows; ``nodes`` are all nodes of the tree."""
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in METHODS and id(node) not in called:
            yield _finding(node, f".{node.attr} is used without a call", "call it directly")
        if not isinstance(node, ast.Call):
            continue
        if getattr(node.func, "attr", "") in METHODS and any(
            isinstance(value, ast.Starred) for value in node.args
        ):
            yield _finding(node, "a call with * hides the dtype", "write its arguments out")
        for keyword in node.keywords:
            if keyword.arg in ("signature", "sig"):
                yield _finding(node, f"{keyword.arg}= is not available in programs", "remove it")
        for value, _ in asked_types(node):
            is_text = isinstance(value, ast.Constant) and isinstance(value.value, (str, bytes))
            if (is_text and not _is_plain(value)) or isinstance(value, (ast.List, ast.Dict)):
                message = f"arrays of dtype {ast.unparse(value)[:40]} are not available in programs"
                yield _finding(value, message, _NUMBERS)


def needs_no_look(value: ast.expr) -> bool:
    """Whether a dtype is safe without a check: `np.float64`, `x.dtype`, or an allowed text."""
    return isinstance(value, ast.Attribute) or _is_plain(value)


def _is_plain(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and (value.value is None or value.value in TEXTS)


def _finding(node: ast.AST, message: str, hint: str) -> Finding:
    return Finding("RS117", "error", message, hint, getattr(node, "lineno", 0))
