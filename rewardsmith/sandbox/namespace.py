"""What a program finds around it: a short table of builtins, numpy and math, and nothing else.

Annotations and the imports that only annotations need are cut out of the tree, so ``from typing import Dict``
neither breaks a program nor gives it a module. The builtins keep an ``__import__`` limited to numpy and math:
numpy's C code imports through the builtins of its caller, and ``array.sum()`` fails without it.
"""

from __future__ import annotations

import ast
import builtins
from typing import Any, cast

IMPORTABLE = ("numpy", "numpy.linalg", "math")
ANNOTATION_ONLY = ("typing", "typing_extensions", "collections.abc", "numpy.typing", "__future__")
FILENAME = "<program>"

_FUNCTIONS = (
    *("abs", "all", "any", "bool", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int", "isinstance"),
    *("iter", "len", "list", "map", "max", "min", "next", "pow", "range", "reversed", "round", "set", "slice"),
    *("sorted", "str", "sum", "tuple", "zip"),
)
_EXCEPTIONS = (
    *("ArithmeticError", "AssertionError", "AttributeError", "Exception", "FloatingPointError", "IndexError"),
    *("KeyError", "LookupError", "NotImplementedError", "OverflowError", "RuntimeError", "TypeError", "ValueError"),
    "ZeroDivisionError",
)
BUILTINS = (*_FUNCTIONS, *_EXCEPTIONS)


def new_namespace() -> dict[str, Any]:
    """Globals for one program."""
    table = {name: getattr(builtins, name) for name in BUILTINS}
    return {"__builtins__": {**table, "__import__": _limited_import}, "__name__": "program"}


def _limited_import(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    if level == 0 and name.partition(".")[0] in ("numpy", "math"):
        return __import__(name, {}, {}, fromlist or (), 0)
    raise ImportError(f"programs may import numpy and math, not {name}")


def program_tree(source: str) -> ast.Module:
    """The tree of a program without annotations; line numbers are those of the source."""
    tree = _Strip().visit(ast.parse(source, FILENAME))
    return cast(ast.Module, ast.fix_missing_locations(tree))


class _Strip(ast.NodeTransformer):
    """Removes annotations, and the imports that serve only them."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], self.visit(node.value)), node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        return ast.copy_location(ast.Pass(), node) if node.module in ANNOTATION_ONLY else node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        node.names = [alias for alias in node.names if alias.name not in ANNOTATION_ONLY]
        return node if node.names else ast.copy_location(ast.Pass(), node)
