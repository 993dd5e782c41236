"""Makes the namespace of a program: a short table of builtins, and facades of numpy and math.

Imports become assignments of the facades, so that no import runs. Annotations, and imports that
only annotations need, are removed from the tree. A check is inserted around dtypes (:mod:`dtypes`)
and around values that become text (:mod:`texts`); it returns its argument or raises.

The builtins keep an ``__import__`` that is limited to numpy and that the program cannot name:
numpy's C code imports through the builtins of its caller, and ``array.sum()`` fails without it.
"""

from __future__ import annotations

import ast
from typing import Any, cast

from rewardsmith.sandbox.allowed import ANNOTATION_ONLY
from rewardsmith.sandbox.dtypes import asked_types, needs_no_look, plain_type
from rewardsmith.sandbox.inside.facades import MODULES, TABLE
from rewardsmith.sandbox.inside.texts import shown

FILENAME = "<program>"
_LOOKS = {"type": plain_type, "text": shown}


def new_namespace() -> dict[str, Any]:
    """Globals for one program."""
    hidden = {_hidden(name): value for name, value in {**MODULES, **_LOOKS}.items()}
    return {
        "__builtins__": {**TABLE, **hidden, "__import__": _limited_import},
        "__name__": "program",
    }


def program_tree(source: str) -> ast.Module:
    """The tree of a program without annotations and imports, with the source's line numbers."""
    tree = _Strip().visit(ast.parse(source, FILENAME))
    return cast(ast.Module, ast.fix_missing_locations(tree))


def _hidden(module: str) -> str:
    """The name of a facade: no identifier, so that no source can contain it."""
    return f"<{module}>"


def _limited_import(
    name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
) -> Any:
    if level == 0 and name.partition(".")[0] == "numpy":
        return __import__(name, {}, {}, fromlist or (), 0)
    raise ImportError(f"programs may import numpy and math, not {name}")


class _Strip(ast.NodeTransformer):
    """Removes annotations and imports; inserts the checks of dtypes and texts."""

    def __init__(self) -> None:
        self._depth = 0  # of functions

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:  # it still makes a name local
            node.annotation = ast.Constant(None)
            return node if self._depth else ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], self.visit(node.value)), node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        asked = [value for value, late in asked_types(node) if late and not needs_no_look(value)]
        looked = {id(value): _look("type", value) for value in asked}
        node.args = [looked.get(id(value), value) for value in node.args]
        for keyword in node.keywords:
            keyword.value = looked.get(id(keyword.value), keyword.value)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        self.generic_visit(node)
        node.value = _look("text", node.value)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and not isinstance(node.right, ast.Constant):
            node.right = _look("text", node.right)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and not isinstance(node.value, ast.Constant):
            node.value = _look("text", node.value)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.AST]:
        if node.module in ANNOTATION_ONLY or node.module not in MODULES:
            return ast.copy_location(ast.Pass(), node)
        module = node.module
        return [
            _assign(node, alias.asname or alias.name, module, alias.name) for alias in node.names
        ]

    def visit_Import(self, node: ast.Import) -> ast.AST | list[ast.AST]:
        wanted = [alias for alias in node.names if alias.name in MODULES]
        if not wanted:
            return ast.copy_location(ast.Pass(), node)
        tops = [
            alias.name.partition(".")[0] for alias in wanted
        ]  # `import a.b` binds a, `import a.b as c` binds b
        return [
            _assign(node, alias.asname or top, alias.name if alias.asname else top)
            for alias, top in zip(wanted, tops, strict=True)
        ]


def _look(how: str, value: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Call(ast.Name(_hidden(how), ast.Load()), [value], []), value)


def _assign(node: ast.stmt, name: str, module: str, attribute: str = "") -> ast.AST:
    value: ast.expr = ast.Name(_hidden(module), ast.Load())
    if attribute:
        value = ast.Attribute(value, attribute, ast.Load())
    return ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), node)
