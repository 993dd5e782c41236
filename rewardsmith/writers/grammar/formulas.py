"""Evaluates a formula on recorded columns from its syntax tree, without executing code.

Supports exactly the syntax that :mod:`terms` and :mod:`features` use. Drafts are scored with the
same formulas that the program contains, so both give the same values.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from rewardsmith.types import Array, Columns

_OfTwo = Callable[[Any, Any], Any]
_BINARY: dict[type[ast.operator], _OfTwo] = {
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.BitAnd: operator.and_,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}
_COMPARE: dict[type[ast.cmpop], _OfTwo] = {
    ast.GtE: operator.ge,
    ast.LtE: operator.le,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "np.abs": np.abs,
    "np.exp": np.exp,
    "np.linalg.norm": np.linalg.norm,
    "np.mean": np.mean,
    "np.square": np.square,
    "np.where": np.where,
}


def value_of(formula: str, columns: Columns) -> Array:
    """The value of a formula.

    Args:
        columns: argument -> (n, ...).

    Returns:
        Shape (n,), or a scalar for a constant.
    """
    return np.asarray(_value(_parsed(formula), columns))


@lru_cache(maxsize=4096)
def _parsed(formula: str) -> ast.expr:
    return ast.parse(formula, mode="eval").body


def _value(node: ast.expr, columns: Columns) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return columns[name]
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, columns))
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, columns), _value(right, columns))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _COMPARE[type(op)](_value(left, columns), _value(right, columns))
        case ast.Subscript(
            value=value, slice=ast.Tuple(elts=[ast.Slice(), ast.Constant(value=int(part))])
        ):
            return _value(value, columns)[:, part]
        case ast.Call(func=function, args=arguments, keywords=keywords):
            given = {str(keyword.arg): _value(keyword.value, columns) for keyword in keywords}
            return _FUNCTIONS[ast.unparse(function)](
                *(_value(argument, columns) for argument in arguments), **given
            )
    raise ValueError(f"not a formula of the grammar: {ast.unparse(node)}")
