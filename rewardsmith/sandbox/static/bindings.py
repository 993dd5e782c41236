"""Where a name gets its value: what was read of a function must be what is called, here and in an exported file.

An entry point has one binding. A name that only another function knows is not known. Imports for
annotations, which are cut out before a program runs here and stand in the file that is exported,
give names that nothing else uses.
"""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from rewardsmith.errors import did_you_mean
from rewardsmith.program import ENTRY_POINTS, REWARD_ALIASES
from rewardsmith.sandbox.allowed import ANNOTATION_ONLY, BUILTINS
from rewardsmith.types import Finding

OF_THE_FILE = (
    "RewardWrapper",
    "_gym",
    "_np",
    "_FIELD_FUNCTIONS",
    "_module_of_fields_",
)  # its own, beside a program
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
    """Entry points, names of exported files, imports for annotations.

    Args:
        nodes: all of the tree.
    """
    yield from _check_entries(tree)
    bindings = [
        (node, name) for node in nodes if isinstance(node, _BINDING) for name in _bound_by(node)
    ]
    for node, name in bindings:
        if name.startswith(OF_THE_FILE):
            yield _finding(
                "RS124", node, f"{name!r} is a name that exported files use", "choose another name"
            )
    imports = [node for node in nodes if isinstance(node, _IMPORTS)]
    bound = {name for _, name in bindings} if imports else set()
    for node in imports:
        yield from _check_import(node, bound)


def check_scopes(source: str, tree: ast.Module) -> Iterator[Finding]:
    """Names that are read on module level, or in a function that does not know them, and bound only in another.

    Raises:
        SyntaxError: what only a compiler finds, such as two arguments of one name.
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
            hint = "a name that is bound in one function does not exist in another: pass it as an argument"
            yield _finding("RS114", reads[0], f"{name!r} is not defined here", hint)


def _check_entries(tree: ast.Module) -> Iterator[Finding]:
    """Names of entry points that get a second value where the module runs."""
    entries = {node.name for node in tree.body if isinstance(node, _FUNCTIONS)} & {
        *ENTRY_POINTS,
        *REWARD_ALIASES,
    }
    for node in (part for statement in tree.body for part in _outside_functions(statement)):
        if not isinstance(node, _BINDING):
            continue
        again = (_bound_by(node) | _annotation_names(node)) & entries
        if again and not isinstance(
            node, _FUNCTIONS
        ):  # a second `def` is told of where entry points are read
            hint = "choose another name: what is defined under this one is what is called"
            yield _finding(
                "RS104", node, f"{min(again)} gets another value than its definition", hint
            )


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and its parts, without what runs only when a function is called."""
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
    """Imports for annotations: of a few names, which have no other meaning."""
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
        name = _import_name(alias, node)
        if name in bound or name in BUILTINS:
            message = f"{name!r} is imported for annotations and means something else too"
            yield _finding("RS105", node, message, "give one of them another name")


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
    """The names to which a node itself gives or takes a value; imports for annotations left out."""
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
            _import_name(alias, node) for alias in node.names if alias.name not in ANNOTATION_ONLY
        }
    if isinstance(node, ast.ImportFrom) and node.module not in ANNOTATION_ONLY:
        return {_import_name(alias, node) for alias in node.names}
    return set()


def _annotation_names(node: ast.AST) -> set[str]:
    return {_import_name(a, node) for a in node.names} if isinstance(node, _IMPORTS) else set()


def _import_name(alias: ast.alias, node: ast.AST) -> str:
    plain = alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
    return alias.asname or plain


def _finding(code: str, node: ast.AST, message: str, hint: str) -> Finding:
    return Finding(code, "error", message, hint, getattr(node, "lineno", 0))
