"""Checks which value a name has: the same in the sandbox and in an exported file.

An entry point has one definition. A name that is bound in another function is not defined. Imports
for annotations are removed before a program runs in the sandbox but stay in an exported file, so
the names that they bind must have no other use.
"""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from rewardsmith.errors import did_you_mean
from rewardsmith.program import ENTRY_POINTS, EXPORT_NAMES, EXPORT_PREFIX, REWARD_ALIASES
from rewardsmith.sandbox.allowed import ANNOTATION_ONLY, BUILTINS
from rewardsmith.sandbox.static.assigned import imported_name
from rewardsmith.types import Finding

_IMPORTS = (ast.Import, ast.ImportFrom)
_BINDING = (
    ast.Name,
    ast.arg,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.ExceptHandler,
    *_IMPORTS,
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def check_bindings(tree: ast.Module, nodes: Sequence[ast.AST]) -> Iterator[Finding]:
    """Check entry points, names that exported files use, and imports for annotations.

    Args:
        nodes: all nodes of the tree.
    """
    yield from _check_entries(tree)
    bindings = [
        (node, name) for node in nodes if isinstance(node, _BINDING) for name in _bound_by(node)
    ]
    for node, name in bindings:
        if name in EXPORT_NAMES or name.startswith(EXPORT_PREFIX):
            message = f"exported files use the name {name!r} themselves"
            yield _finding("RS124", node, message, "choose another name")
    imports = [node for node in nodes if isinstance(node, _IMPORTS)]
    bound = {name for _, name in bindings} if imports else set()
    for node in imports:
        yield from _check_import(node, bound)


def check_scopes(source: str, tree: ast.Module) -> Iterator[Finding]:
    """Find names that are read where they are not defined, but bound in another function.

    Raises:
        SyntaxError: a mistake that only a compiler finds, such as two arguments of one name.
    """
    with warnings.catch_warnings(action="ignore"):
        pending = [symtable.symtable(source, "program", "exec")]
    given = {
        name.get_name()
        for name in pending[0].get_symbols()
        if name.is_assigned() or name.is_imported()
    }
    given |= {name.get_name() for name in pending[0].get_symbols() if name.is_namespace()}
    given.update(BUILTINS)
    missing = dict[str, int]()
    while pending:
        table = pending.pop()
        pending += table.get_children()
        for symbol in table.get_symbols():
            if symbol.get_name() not in given and symbol.is_referenced() and symbol.is_global():
                missing[symbol.get_name()] = max(
                    table.get_lineno(), missing.get(symbol.get_name(), 0)
                )
    for name, line in missing.items():
        where = (
            _outside_annotations(tree)
            if line
            else (n for part in tree.body for n in _outside_functions(part))
        )
        reads = [node for node in where if _is_read(node, name) and node.lineno >= line]
        if reads and name in _bound(tree):
            hint = "it is local to another function: pass it as an argument"
            yield _finding("RS114", reads[0], f"{name!r} is not defined here", hint)


def _check_entries(tree: ast.Module) -> Iterator[Finding]:
    """Find entry points that get a second value on module level."""
    entries = {node.name for node in tree.body if isinstance(node, _FUNCTIONS)} & {
        *ENTRY_POINTS,
        *REWARD_ALIASES,
    }
    for node in (part for statement in tree.body for part in _outside_functions(statement)):
        if not isinstance(node, _BINDING):
            continue
        again = (_bound_by(node) | _annotation_names(node)) & entries
        if again and not isinstance(node, _FUNCTIONS):  # :mod:`entry_points` finds a second `def`
            hint = "choose another name: the definition is called, not this value"
            yield _finding(
                "RS104", node, f"{min(again)} is defined and then gets another value", hint
            )


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and its parts, without the bodies of functions."""
    yield node
    parts = ast.iter_child_nodes(node)
    if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        parts = iter(
            [*node.args.defaults, *(part for part in node.args.kw_defaults if part is not None)]
        )
    elif isinstance(node, ast.AnnAssign):
        parts = iter([node.target, *([] if node.value is None else [node.value])])
    for part in parts:
        yield from _outside_functions(part)


def _check_import(node: ast.Import | ast.ImportFrom, bound: set[str]) -> Iterator[Finding]:
    """Check an import for annotations: only known names, without another meaning."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            if node.module not in ANNOTATION_ONLY or node.level or alias.name == "*":
                continue
            if alias.name not in ANNOTATION_ONLY[node.module]:
                near = did_you_mean(alias.name, ANNOTATION_ONLY[node.module])
                yield _finding(
                    "RS105", node, f"{alias.name!r} cannot be imported from {node.module}", near
                )
        elif alias.name not in ANNOTATION_ONLY:
            continue
        name = imported_name(alias, node)
        if name in bound or name in BUILTINS:
            message = f"{name!r} is imported for annotations and has another meaning too"
            yield _finding("RS105", node, message, "give one of the two another name")


def _outside_annotations(node: ast.AST) -> Iterator[ast.Name]:
    if isinstance(node, ast.Name):
        yield node
    for field, value in ast.iter_fields(node):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST) and field not in ("annotation", "returns"):
                yield from _outside_annotations(part)


def _is_read(node: ast.AST, name: str) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)


def _bound(tree: ast.Module) -> set[str]:
    return {name for node in ast.walk(tree) for name in _bound_by(node)}


def _bound_by(node: ast.AST) -> set[str]:
    """The names that a node itself binds or unbinds, without imports for annotations."""
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Load) else {node.id}
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.arg):
        return {node.arg}
    if isinstance(node, ast.ExceptHandler):
        return {node.name} if node.name else set()
    if isinstance(node, ast.Import):
        return {
            imported_name(alias, node) for alias in node.names if alias.name not in ANNOTATION_ONLY
        }
    if isinstance(node, ast.ImportFrom) and node.module not in ANNOTATION_ONLY:
        return {imported_name(alias, node) for alias in node.names}
    return set()


def _annotation_names(node: ast.AST) -> set[str]:
    return {imported_name(a, node) for a in node.names} if isinstance(node, _IMPORTS) else set()


def _finding(code: str, node: ast.AST, message: str, hint: str) -> Finding:
    return Finding(code, "error", message, hint, getattr(node, "lineno", 0))
