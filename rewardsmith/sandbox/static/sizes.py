"""Limits the size of a program and finds work that would take too long or too much memory.

The program host has its own limits. These are found earlier, with their line, and protect
whoever reads the source: this process and the user.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rewardsmith.sandbox.static.letters import check_letters
from rewardsmith.types import Finding

MAX_BYTES = 16_384
MAX_LINES = 400
_MAX_NODES = 4_000
_MAX_DEPTH = 60
_MAX_FUNCTIONS = 24
_MAX_LOOPS = 3
_MAX_RANGE = 10_000
_MAX_INT = 10**15
_MAX_POWER = 64
_MAX_TEXT = 500
_MAX_WIDTH = 30
_LOOPS = (ast.For, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def check_text(source: str) -> list[Finding]:
    """Check the length of the text, and its characters (:mod:`letters`)."""
    lines, size = source.count("\n") + 1, len(source.encode(errors="replace"))
    if size > MAX_BYTES or lines > MAX_LINES:
        message = (
            f"the source has {lines} lines and {size} bytes; "
            f"expected at most {MAX_LINES} lines and {MAX_BYTES} bytes"
        )
        return [Finding("RS102", "error", message, "write a shorter reward")]
    return list(check_letters(source))


def check_tree_size(tree: ast.Module) -> list[Finding]:
    """Check the number of nodes and the depth, before anything recurses over the tree."""
    nodes, level, depth = 0, [tree], 0
    pending: list[ast.AST] = list(level)
    while pending:
        nodes, depth = nodes + len(pending), depth + 1
        if nodes > _MAX_NODES:
            hint = "write a shorter reward"
            return [
                Finding(
                    "RS102", "error", f"the source has more than {_MAX_NODES} syntax nodes", hint
                )
            ]
        if depth > _MAX_DEPTH:
            line = next((part.lineno for part in pending if hasattr(part, "lineno")), 0)
            hint = "use intermediate variables"
            return [
                Finding(
                    "RS101",
                    "error",
                    f"an expression has more than {_MAX_DEPTH} nested levels",
                    hint,
                    line,
                )
            ]
        pending = [child for node in pending for child in ast.iter_child_nodes(node)]
    return []


def check_work(tree: ast.Module) -> Iterator[Finding]:
    """Find what would take too long or too much memory."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    if len(functions) > _MAX_FUNCTIONS:
        yield _finding(
            functions[-1],
            f"{len(functions)} functions; expected at most {_MAX_FUNCTIONS}",
            "write a shorter reward",
        )
    yield from _check_loops(tree, 0)
    yield from _check_recursion(tree)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield from _check_constant(node)
        elif isinstance(node, ast.BinOp):
            yield from _check_operation(node)
        elif isinstance(node, ast.Call):
            yield from _check_call(node)
        elif isinstance(node, ast.FormattedValue):
            yield from _check_format(node)


def _finding(node: ast.AST, message: str, hint: str) -> Finding:
    return Finding("RS120", "error", message, hint, getattr(node, "lineno", 0))


def _check_loops(node: ast.AST, nested: int) -> Iterator[Finding]:
    if isinstance(node, _LOOPS):
        nested += len(node.generators) if not isinstance(node, ast.For) else 1
        if nested > _MAX_LOOPS:
            yield _finding(
                node,
                f"{nested} nested loops; expected at most {_MAX_LOOPS}",
                "use array expressions in place of loops",
            )
            return
    elif isinstance(node, ast.FunctionDef):
        nested = 0
    for child in ast.iter_child_nodes(node):
        yield from _check_loops(child, nested)


def _check_recursion(tree: ast.Module) -> Iterator[Finding]:
    """Find functions that call themselves, directly or through other functions."""
    found = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    lambdas = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = {
        name: _names_called(node) & {*found, *lambdas}
        for name, node in {**found, **lambdas}.items()
    }
    for name in calls:
        reached: set[str] = set()
        pending = set(calls[name])
        while pending:
            reached |= pending
            pending = set().union(*(calls[other] for other in pending)) - reached
        if name in reached:
            yield _finding(
                {**found, **lambdas}[name],
                f"{name} calls itself",
                "use a loop or an array expression",
            )


def _names_called(node: ast.AST) -> set[str]:
    functions = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    return {function.id for function in functions if isinstance(function, ast.Name)}


def _check_constant(node: ast.Constant) -> Iterator[Finding]:
    value = node.value
    if isinstance(value, int) and abs(value) > _MAX_INT:
        yield _finding(node, "an integer above 1e15", "write a float")
    elif isinstance(value, (str, bytes)) and len(value) > _MAX_TEXT:
        yield _finding(node, f"a text of {len(value)} characters", "use short names for terms")


def _check_operation(node: ast.BinOp) -> Iterator[Finding]:
    if isinstance(node.op, (ast.Pow, ast.LShift)) and _is_more(node.right, _MAX_POWER):
        yield _finding(
            node,
            f"a power or shift by more than {_MAX_POWER}",
            "use a smaller power: a learner cannot use values of that size",
        )
    elif (
        isinstance(node.op, ast.Mod)
        and isinstance(node.left, (ast.JoinedStr, ast.Constant))
        and _is_text(node.left)
    ):
        yield _finding(node, "text is formatted with %", "use an f-string, or remove it")


def _check_call(node: ast.Call) -> Iterator[Finding]:
    if not isinstance(node.func, ast.Name):
        return
    if node.func.id == "range" and any(_is_more(argument, _MAX_RANGE) for argument in node.args):
        yield _finding(
            node, f"a range beyond {_MAX_RANGE:,}", "use array expressions in place of loops"
        )
    elif node.func.id == "pow" and len(node.args) > 1 and _is_more(node.args[1], _MAX_POWER):
        yield _finding(
            node,
            f"a power of more than {_MAX_POWER}",
            "use a smaller power: a learner cannot use values of that size",
        )


def _check_format(node: ast.FormattedValue) -> Iterator[Finding]:
    parts = node.format_spec.values if isinstance(node.format_spec, ast.JoinedStr) else []
    for part in parts:
        if not isinstance(part, ast.Constant):
            yield _finding(node, "a format within a format", "write the format as plain text")
        elif not str(part.value).isascii():
            yield _finding(
                node, "a format with non-ASCII characters", "use ASCII letters and digits"
            )
        elif any(int(width) > _MAX_WIDTH for width in _digits(str(part.value))):
            yield _finding(node, f"a format wider than {_MAX_WIDTH}", "use short names for terms")


def _digits(text: str) -> list[str]:
    return "".join(character if character.isdigit() else " " for character in text).split()


def _is_more(node: ast.expr, limit: int) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and abs(node.value) > limit
    )


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )
