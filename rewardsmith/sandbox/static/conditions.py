"""Reads from the source of an entry point whether it has conditions and which arguments it reads.

For programs that passed the static checks. If nothing moved a value and there is no condition, then
nothing can move it.
"""

from __future__ import annotations

import ast

_CONDITIONS = (ast.Compare, ast.BoolOp, ast.If, ast.IfExp, ast.FloorDiv, ast.Mod)
_CONDITIONAL = frozenset(
    (
        "all any argmax argmin argsort ceil choose clip digitize equal fix floor fmax fmin greater "
        "greater_equal heaviside interp isclose isin less less_equal logical_and logical_not "
        "logical_or logical_xor max maximum min minimum mod nan_to_num not_equal piecewise "
        "remainder rint round select sign trunc where"
    ).split()
)


def has_conditions(tree: ast.Module, function: str) -> bool:
    """Whether a function, or a module-level value that it uses, has a condition.

    Its values may then change on transitions that were not tested.
    """
    return any(_is_condition(part) for node in _involved(tree, function) for part in ast.walk(node))


def unread(tree: ast.Module, function: str, arguments: tuple[str, ...]) -> frozenset[str]:
    """The arguments that a function takes and never reads; ``del x`` does not read."""
    node = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function
    )
    return frozenset(arguments) - _names(node, ast.Load)


def line_of(tree: ast.Module, name: str) -> int:
    """The line that gave a name of the module its last value, 0 if none did."""
    return max((node.lineno for node in tree.body if name in _defined(node)), default=0)


def _involved(tree: ast.Module, function: str) -> list[ast.stmt]:
    """The statements on module level that define the function and, step by step, what they name."""
    involved, names = list[ast.stmt](), {function}
    left = list(tree.body)
    while found := [node for node in left if _defined(node) & names]:
        involved += found
        left = [node for node in left if node not in found]
        names = set().union(*(_names(node, ast.Load) for node in found))
    return involved


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name for alias in node.names}
    return {node.name} if isinstance(node, ast.FunctionDef) else _names(node, ast.Store)


def _names(node: ast.stmt, context: type[ast.expr_context]) -> set[str]:
    return {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, context)
    }


def _is_condition(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return not _is_fixed(node.slice)
    name = (
        getattr(node, "attr", "")
        or getattr(node, "id", "")
        or (isinstance(node, ast.alias) and node.name)
    )
    return isinstance(node, _CONDITIONS) or name in _CONDITIONAL


def _is_fixed(index: ast.expr | None) -> bool:
    """Whether an index is the same for every transition: constants, and slices of constants."""
    if isinstance(index, ast.Tuple):
        return all(_is_fixed(part) for part in index.elts)
    if isinstance(index, ast.Slice):
        return all(_is_fixed(part) for part in (index.lower, index.upper, index.step))
    if isinstance(index, ast.UnaryOp):
        return _is_fixed(index.operand)
    return (
        index is None or isinstance(index, ast.Constant) or getattr(index, "attr", "") == "newaxis"
    )
