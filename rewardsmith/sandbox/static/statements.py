"""Checks the statements, names and attributes of a program against allowlists.

This reads the source; it does not confine the program. Its purpose is an early and clear message to
the writer (:mod:`hints`). Every name that is neither defined in the module nor an offered builtin
is refused, and so is every attribute that :mod:`~rewardsmith.sandbox.allowed` does not list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from rewardsmith.errors import did_you_mean
from rewardsmith.sandbox.allowed import (
    ANNOTATION_ONLY,
    ATTRIBUTES,
    BUILTINS,
    CATCHABLE,
    IMPORTABLE,
    MUTATORS,
    NUMPY,
    UNMISTAKABLE,
)
from rewardsmith.sandbox.codes import CODES
from rewardsmith.sandbox.static import hints
from rewardsmith.sandbox.static.assigned import (
    DEFINITIONS,
    bound_names,
    parameters,
    stored_names,
)
from rewardsmith.sandbox.static.repeatable import Calls, order_of_a_set
from rewardsmith.types import Finding

_ALLOWED_NODES = (
    *(ast.Module, ast.FunctionDef, ast.Lambda, ast.arguments, ast.arg, ast.Return, ast.Import),
    *(ast.ImportFrom, ast.alias, ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete),
    *(ast.If, ast.For, ast.Break, ast.Continue, ast.Pass, ast.With, ast.withitem, ast.Assert),
    *(ast.Raise, ast.Try, ast.ExceptHandler, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare),
    *(ast.IfExp, ast.NamedExpr, ast.Call, ast.keyword, ast.Name, ast.Attribute, ast.Subscript),
    *(ast.Slice, ast.Starred, ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp),
    *(ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.JoinedStr),
    *(ast.FormattedValue, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
_COMPUTE = (ast.Call, ast.Lambda, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await)
_ON_MODULE_LEVEL = (ast.Import, ast.ImportFrom, *DEFINITIONS, ast.Assign, ast.AnnAssign)


def check_tree(tree: ast.Module, offered: Iterable[str], entries: frozenset[str]) -> list[Finding]:
    """Check a whole module.

    Args:
        offered: argument names that the task offers.
        entries: names of the entry points, whose arguments are read-only.
    """
    visitor = _Rules(tree, frozenset(offered), entries)
    for node in tree.body:
        if not isinstance(node, _ON_MODULE_LEVEL) and not _is_idle(node):
            message = "a module-level statement that is no import, constant or function"
            visitor.add("RS113", node, message, "move it into a function, or remove it")
    visitor.visit(tree)
    return list(dict.fromkeys(visitor.findings))


class _Rules(ast.NodeVisitor):
    """Collects findings; of annotations, which are removed before a run, only calls matter."""

    def __init__(self, tree: ast.Module, offered: frozenset[str], entries: frozenset[str]) -> None:
        self.findings: list[Finding] = []
        self._offered = offered
        self._entries = entries
        functions, others = bound_names(tree)
        self._bound = functions | others
        self._calls = Calls(tree, functions, others)
        self._constants = {name for node in tree.body for name in stored_names(node)}
        self._local: set[str] = set()  # local names in scope
        self._arguments: set[str] = set()  # arguments of entry points in scope: read-only

    def add(self, code: str, node: ast.AST, message: str, hint: str) -> None:
        self.findings.append(
            Finding(code, "error", message, hint or CODES[code].remedy, getattr(node, "lineno", 0))
        )

    def visit(self, node: ast.AST) -> None:
        kind = type(node)
        if not issubclass(kind, _ALLOWED_NODES):
            what, hint = hints.STATEMENTS.get(
                kind, (kind.__name__, "write it with plain assignments and functions")
            )
            self.add("RS113", node, f"{what} is not available in programs", hint)
        super().visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            hint = "remove it"
            self.add("RS113", decorator, f"{node.name} has a decorator", hint)
        if getattr(node, "type_params", None):  # since Python 3.12
            self.add("RS113", node, f"{node.name} has type parameters", "remove them")
        self._identifier(node.name, node)
        self._private(node.name, node)
        self._annotation(node.returns)
        self.visit(node.args)
        outside = self._local, self._arguments
        names = {name for part in node.body for name in stored_names(part)}
        arguments = {arg.arg for arg in parameters(node.args)}
        is_entry = node.name in self._entries and not self._local
        self._arguments = (arguments if is_entry else self._arguments - arguments) - names
        self._local = self._local | names | arguments | {node.name}
        for statement in node.body:
            self.visit(statement)
        self._local, self._arguments = outside

    def visit_arg(self, node: ast.arg) -> None:
        self._private(node.arg, node)
        self._identifier(node.arg, node)
        self._annotation(node.annotation)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        if node.value is None and not isinstance(node.target, ast.Name):
            self.add(
                "RS118", node, "an annotation of an item or attribute, without a value", "remove it"
            )
        self._change(node.target)
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._change(target)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._change(node.target, in_place=True)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._change(node.target)
        for problem in order_of_a_set(node.iter):
            self.add("RS117", *problem)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if not isinstance(target, ast.Name):
                self.add(
                    "RS113",
                    target,
                    "del of an item or attribute is not available in programs",
                    "build a new list, dict or array",
                )
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            call = item.context_expr
            name = call.func if isinstance(call, ast.Call) else call
            if (
                not (isinstance(name, ast.Attribute) and name.attr == "errstate")
                or item.optional_vars is not None
            ):
                self.add(
                    "RS113", node, "`with` is available for np.errstate only", "remove the `with`"
                )
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        for part in (part for statement in node.finalbody for part in ast.walk(statement)):
            if isinstance(part, (ast.Return, ast.Break, ast.Continue)):
                self.add(
                    "RS113",
                    part,
                    "return, break or continue in `finally` hides exceptions",
                    "move it behind the try statement",
                )
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is None:
            hint = "name the exception, or test for the bad value with np.where"
            self.add("RS113", node, "a bare except hides every exception", hint)
        else:
            for kind in node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]:
                name = getattr(kind, "id", "")
                if name not in CATCHABLE or name in self._bound:
                    message = f"`except {name or '<expression>'}` may hide a full memory or stack"
                    self.add(
                        "RS113",
                        node,
                        message,
                        f"catch {', '.join(CATCHABLE)}, or test with np.where",
                    )
        if node.name is not None:
            self._private(node.name, node)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in (*IMPORTABLE, *ANNOTATION_ONLY):
                self._import(alias.name, node)
            self._alias(alias, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        if module not in (*IMPORTABLE, *ANNOTATION_ONLY):
            self._import(module, node)
            return
        for alias in node.names:
            self._alias(alias, node)
            if alias.name == "*":
                self.add(
                    "RS105",
                    node,
                    f"`from {module} import *` hides which names are used",
                    "write `import numpy as np`",
                )
            elif module in IMPORTABLE and alias.name not in IMPORTABLE[module]:
                self._attribute_refused(alias.name, node)

    def visit_Name(self, node: ast.Name) -> None:
        name = node.id
        self._identifier(name, node)
        if (
            self._private(name, node)
            or not isinstance(node.ctx, ast.Load)
            or name in self._bound
            or name in BUILTINS
        ):
            return
        hint = hints.NAMES.get(name)
        if name in self._offered:
            hint = "add it to the arguments of the function"
        elif name in ("np", "math"):
            hint = "write `import numpy as np`, `import math`"
        hint = hint or did_you_mean(name, {*self._bound, *BUILTINS})
        self.add("RS114", node, f"{name!r} is not defined in programs", hint)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.add(
                "RS121",
                node,
                f".{node.attr} is assigned to",
                "attributes cannot be changed: use a variable",
            )
        elif node.attr not in ATTRIBUTES and not _is_refused(node.value):
            self._attribute_refused(node.attr, node)
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in MUTATORS:
            self._change(
                ast.Subscript(function.value, ast.Constant(0), ast.Load(), lineno=node.lineno)
            )
        given = [
            *node.args[2:],
            *(keyword.value for keyword in node.keywords if keyword.arg == "mode"),
        ]
        name = getattr(function, "attr", "") or getattr(function, "id", "")
        if name == "pad" and any(
            isinstance(value, ast.Constant) and value.value == "empty" for value in given
        ):
            self.add(
                "RS117",
                node,
                'pad with mode="empty" returns uninitialised memory',
                "use another mode",
            )
        for problem in self._calls.problems(node):
            self.add("RS117", *problem)
        for keyword in node.keywords:
            if keyword.arg == "out":
                self._change(keyword.value, in_place=True)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._change(node.target)
        for problem in order_of_a_set(node.iter):
            self.add("RS117", *problem)
        self.generic_visit(node)

    def _change(self, target: ast.expr, *, in_place: bool = False) -> None:
        """Check a target that is assigned: arguments and module-level values must not change."""
        if isinstance(target, (ast.Tuple, ast.List, ast.Starred)):
            for part in [target.value] if isinstance(target, ast.Starred) else target.elts:
                self._change(part, in_place=in_place)
            return
        is_part, base = False, target
        while isinstance(base, (ast.Subscript, ast.Attribute)):
            is_part, base = True, base.value
        if not isinstance(base, ast.Name) or not (is_part or in_place) or not self._local:
            return
        if base.id in self._arguments:
            self.add("RS121", target, f"the argument {base.id} is changed", hints.ON_A_COPY)
        elif base.id in self._constants and base.id not in self._local:
            self.add(
                "RS122",
                target,
                f"the module-level value {base.id} is changed in a function",
                hints.PURE,
            )

    def _attribute_refused(self, name: str, node: ast.AST) -> None:
        if name.startswith("_"):
            self.add(
                "RS116", node, f".{name} is private", "use public attributes of arrays and numpy"
            )
        elif name in hints.UNREPEATABLE:
            self.add(
                "RS117", node, f".{name} is not available in programs", hints.UNREPEATABLE[name]
            )
        else:
            hint = hints.ATTRIBUTES.get(name) or did_you_mean(name, NUMPY)
            self.add("RS115", node, f".{name} is not available in programs", hint)

    def _private(self, name: str, node: ast.AST) -> bool:
        if not (name.startswith("__") and len(name) > 2):
            return False
        self.add(
            "RS116",
            node,
            f"{name} is a name of the Python interpreter",
            "choose a name without leading underscores",
        )
        return True

    def _identifier(self, name: str, node: ast.AST) -> None:
        if not name.isascii() and not all(
            letter.isascii() or letter in UNMISTAKABLE for letter in name
        ):
            hint = "spell it out: nu, rho, kappa; such letters are allowed in comments"
            self.add(
                "RS119", node, f"the name {name!r} has letters that look like other letters", hint
            )

    def _alias(self, alias: ast.alias, node: ast.AST) -> None:
        if alias.asname is not None:
            self._private(alias.asname, node)
            self._identifier(alias.asname, node)

    def _import(self, module: str, node: ast.AST) -> None:
        hint = hints.MODULES.get(
            module.partition(".")[0], "programs may import numpy and math only"
        )
        self.add("RS105", node, f"module {module!r} cannot be imported", hint)

    def _annotation(self, node: ast.expr | None) -> None:
        if node is not None and any(isinstance(part, _COMPUTE) for part in ast.walk(node)):
            self.add(
                "RS118",
                node,
                "an annotation that computes a value",
                "name a type, or remove it",
            )


def _is_refused(node: ast.expr) -> bool:
    """Whether an attribute is refused already, so that its own attributes need no finding."""
    return isinstance(node, ast.Attribute) and node.attr not in ATTRIBUTES


def _is_idle(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
