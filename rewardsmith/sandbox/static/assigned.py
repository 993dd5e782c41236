"""Which names a part of a program gives a value to."""

from __future__ import annotations

import ast

from rewardsmith.sandbox.allowed import ANNOTATION_ONLY, IMPORTABLE

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """All parameters of a function, ``*args`` and ``**kwargs`` last."""
    extra = [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def stored_names(node: ast.AST) -> set[str]:
    """Names that a statement assigns; not those inside functions, nor of augmented assignments."""
    names: set[str] = set()
    pending: list[ast.AST] = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, (*DEFINITIONS, ast.Lambda)):
            names |= {part.name} if not isinstance(part, ast.Lambda) else set()
            continue
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, ast.AugAssign):
            pending.append(part.value)
            continue
        pending.extend(ast.iter_child_nodes(part))
    return names


def bound_names(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Names of functions, and all other names that a module binds; not imports for annotations."""
    functions, others = set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            others.add(node.id)
        elif isinstance(node, ast.arg):
            others.add(node.arg)
        elif isinstance(node, DEFINITIONS):
            functions.add(node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            others.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.module in IMPORTABLE:
            others.update(imported_name(alias, node) for alias in node.names)
        elif isinstance(node, ast.Import):
            kept = [alias for alias in node.names if alias.name not in ANNOTATION_ONLY]
            others.update(imported_name(alias, node) for alias in kept)
    return functions, others


def imported_name(alias: ast.alias, node: ast.AST) -> str:
    """The name that an import binds: ``import a.b`` binds a, ``import a.b as c`` binds c."""
    plain = alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
    return alias.asname or plain
