"""Finds calls whose result could differ: they read uninitialised memory or the order of a set.

numpy leaves memory uninitialised where ``where=`` is false and there is no ``out=``. The source
does not show which function an expression calls. So ``where=``, and ``**`` which could hold it, are
refused in all calls but two kinds: reductions, which only skip items, and functions of the module
itself, which are read anyway.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_REDUCTIONS = frozenset("all amax amin any max mean min prod reduce std sum var".split())
_MAKERS = frozenset("array astype copy full full_like ones ones_like zeros zeros_like".split())
_ORDERLESS = frozenset(
    ("all", "any", "frozenset", "isinstance", "len", "max", "min", "set", "sorted")
)

Problem = tuple[ast.AST, str, str]  # where, what was found, what to do


class Calls:
    """Checks the calls of a module.

    Args:
        functions: names that the module gives to functions.
        others: names that it gives to other values.
    """

    def __init__(self, tree: ast.Module, functions: set[str], others: set[str]) -> None:
        self._own = functions - others
        self._has_dict = "dict" not in functions | others
        self._tree = tree

    def problems(self, node: ast.Call) -> Iterator[Problem]:
        """The reasons why the result of a call could differ the next time."""
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if isinstance(function, ast.Attribute) or name not in self._own:
            yield from self._left_as_it_was(node, name)
        for argument in node.args if name not in _ORDERLESS else ():
            yield from order_of_a_set(argument)

    def _left_as_it_was(self, node: ast.Call, name: str) -> Iterator[Problem]:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if None in given and not (name == "dict" and self._has_dict):
            hint = (
                "write its arguments by name: ** is only for dict and the program's own functions"
            )
            yield node, f"** in {name or 'a call'} could hold where=", hint
        is_reduction = isinstance(node.func, ast.Attribute) and name in _REDUCTIONS
        if "where" in given and not is_reduction and not self._is_new_array(given.get("out")):
            message = (
                f"{name or 'a call'} has where= but no new array as out=: some values are undefined"
            )
            yield node, message, "add `out=np.zeros_like(x)`, or use np.where"

    def _is_new_array(self, node: ast.expr | None) -> bool:
        return _makes_array(node) or (
            isinstance(node, ast.Name) and node.id in _new_arrays(self._tree)
        )


def order_of_a_set(node: ast.expr) -> Iterator[Problem]:
    """Find a set that is read item by item: its order differs between processes."""
    is_call = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("set", "frozenset")
    if is_call or isinstance(node, (ast.Set, ast.SetComp)):
        yield node, "the order of a set's items is not fixed", "use a tuple"


def _new_arrays(tree: ast.Module) -> set[str]:
    """Names that are only ever assigned new arrays; ``out=None`` would make no array."""
    made, changed = set[int](), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _makes_array(node.value):
            made.update(id(target) for target in node.targets)
        elif isinstance(node, ast.AnnAssign) and _makes_array(node.value):
            made.add(id(node.target))
        elif isinstance(node, ast.AugAssign):
            changed.add(id(node.target))  # an array stays one
    arrays, others = set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            others.add(node.arg)
        elif (
            isinstance(node, ast.Name)
            and not isinstance(node.ctx, ast.Load)
            and id(node) not in changed
        ):
            (arrays if id(node) in made else others).add(node.id)
    return arrays - others


def _makes_array(node: ast.expr | None) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _MAKERS
    )
