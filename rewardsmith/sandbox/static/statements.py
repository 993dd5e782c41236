"""What the source of a program may contain: kinds of statements, names and attributes, all of them allowlists.

This reads; it does not confine. Its purpose is to tell the writer early and clearly what to write
instead, so the tables of hints name what language models really write. A name that is neither
defined in the module nor one of the offered builtins is refused whatever it is, and so is an
attribute that :mod:`allowed` does not have.
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
from rewardsmith.sandbox.static.repeatable import Calls, order_of_a_set
from rewardsmith.types import Finding

_PURE = "programs are pure: they read their arguments and return a value; memory lives outside"
_ASK = "whatever a program needs to know it asks for by argument name"
_ON_A_COPY = "arguments are read-only: write `x = x + ...`, or change a copy"

_ALLOWED_NODES = frozenset(
    (
        *(
            ast.Module,
            ast.FunctionDef,
            ast.Lambda,
            ast.arguments,
            ast.arg,
            ast.Return,
            ast.Import,
            ast.ImportFrom,
        ),
        *(
            ast.alias,
            ast.Expr,
            ast.Assign,
            ast.AugAssign,
            ast.AnnAssign,
            ast.Delete,
            ast.If,
            ast.For,
            ast.Break,
        ),
        *(
            ast.Continue,
            ast.Pass,
            ast.With,
            ast.withitem,
            ast.Assert,
            ast.Raise,
            ast.Try,
            ast.ExceptHandler,
        ),
        *(
            ast.BoolOp,
            ast.BinOp,
            ast.UnaryOp,
            ast.Compare,
            ast.IfExp,
            ast.NamedExpr,
            ast.Call,
            ast.keyword,
        ),
        *(
            ast.Name,
            ast.Attribute,
            ast.Subscript,
            ast.Slice,
            ast.Starred,
            ast.Constant,
            ast.List,
            ast.Tuple,
            ast.Dict,
        ),
        *(
            ast.Set,
            ast.ListComp,
            ast.SetComp,
            ast.DictComp,
            ast.GeneratorExp,
            ast.comprehension,
            ast.JoinedStr,
        ),
        *(ast.FormattedValue, ast.Load, ast.Store, ast.Del),
    )
)
_ALWAYS_ALLOWED = (ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_INSTEAD = {
    ast.ClassDef: ("a class", "write module-level functions"),
    ast.AsyncFunctionDef: ("an async function", "write a plain def"),
    ast.Await: ("await", "write a plain function"),
    ast.Yield: ("yield", "return the whole array"),
    ast.YieldFrom: ("yield from", "return the whole array"),
    ast.Global: ("global", _PURE),
    ast.Nonlocal: ("nonlocal", _PURE),
    ast.Match: ("match", "use np.where or np.select"),
    ast.TryStar: ("except*", "test for the bad value with np.where"),
    ast.While: ("while", "use an array expression, or `for _ in range(k)`"),
}
_COMPUTE = (ast.Call, ast.Lambda, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ON_MODULE_LEVEL = (ast.Import, ast.ImportFrom, *_DEFINITIONS, ast.Assign, ast.AnnAssign)

_MODULES = {
    **dict.fromkeys(
        ("torch", "jax", "tensorflow"), "use numpy: arguments and results are numpy arrays"
    ),
    "scipy": "use numpy",
    **dict.fromkeys(
        ("gym", "gymnasium"),
        "a program is a function of its arguments, not a wrapper; it never sees the environment",
    ),
    **dict.fromkeys(("random", "time"), _PURE),
}
_NAMES = {
    **dict.fromkeys(("open", "input"), _ASK),
    **dict.fromkeys(("exec", "eval", "compile"), "write the expression itself"),
    **dict.fromkeys(
        ("getattr", "setattr", "delattr", "hasattr", "type"), "name what you mean directly"
    ),
    **dict.fromkeys(("globals", "locals", "vars", "dir"), "name what you mean directly"),
    "print": "return what you want to see as a term",
    **dict.fromkeys(("id", "hash", "object", "memoryview", "breakpoint"), _PURE),
    **dict.fromkeys(
        ("BaseException", "SystemExit", "KeyboardInterrupt"), "name the exception that is expected"
    ),
}
_FILES = "load save savez savez_compressed loadtxt savetxt genfromtxt fromfile memmap fromregex DataSource tofile dump"
_SETTINGS = "seterr seterrcall setbufsize set_printoptions"
_IN_PLACE = "copyto put place putmask fill_diagonal resize itemset setflags"
_ATTRIBUTE_HINTS = {
    **dict.fromkeys(_FILES.split(), _ASK),
    **dict.fromkeys(_SETTINGS.split(), "use `with np.errstate(...)` inside the function"),
    **dict.fromkeys(
        _IN_PLACE.split(), "assign into a copy: `y = x.copy(); y[mask] = value`, or use np.where"
    ),
    **dict.fromkeys(("format", "format_map"), "return numbers as terms; text is not needed"),
    **dict.fromkeys(
        ("vectorize", "frompyfunc"),
        "a slow loop: write array expressions with np.where or np.select",
    ),
    "at": "use np.bincount, or index with a mask",
    **dict.fromkeys(("r_", "c_"), "use np.concatenate or np.column_stack"),
    **dict.fromkeys(
        ("view", "data", "base", "ctypes", "tobytes", "frombuffer"), "use numpy's array functions"
    ),
}
_UNREPEATABLE = {
    **dict.fromkeys(("random", "default_rng", "RandomState", "Generator"), _PURE),
    **dict.fromkeys(("empty", "empty_like"), "it is uninitialised: use np.zeros or np.zeros_like"),
}


def check_tree(tree: ast.Module, offered: Iterable[str], entries: frozenset[str]) -> list[Finding]:
    """Every rule that does not depend on which function it stands in.

    Args:
        offered: argument names that the task offers.
        entries: names of the functions that are called from outside, with read-only arguments.
    """
    visitor = _Rules(tree, frozenset(offered), entries)
    for node in tree.body:
        if not isinstance(node, _ON_MODULE_LEVEL) and not _is_idle(node):
            message = "module level holds a statement that runs when loaded"
            visitor.add("RS113", node, message, "keep imports, constants and functions only")
    visitor.visit(tree)
    return list(dict.fromkeys(visitor.findings))


class _Rules(ast.NodeVisitor):
    """Collects findings; annotations are looked at only for calls, since they are cut out before anything runs."""

    def __init__(self, tree: ast.Module, offered: frozenset[str], entries: frozenset[str]) -> None:
        self.findings: list[Finding] = []
        self._offered = offered
        self._entries = entries
        functions, others = _bound_names(tree)
        self._bound = functions | others
        self._calls = Calls(tree, functions, others)
        self._constants = {name for node in tree.body for name in _stored(node)}
        self._local: set[str] = set()  # names of the functions that we are in
        self._arguments: set[str] = (
            set()
        )  # of those, what is read-only because it came from outside

    def add(self, code: str, node: ast.AST, message: str, hint: str) -> None:
        self.findings.append(
            Finding(code, "error", message, hint or CODES[code].remedy, getattr(node, "lineno", 0))
        )

    def visit(self, node: ast.AST) -> None:
        kind = type(node)
        if kind not in _ALLOWED_NODES and not isinstance(node, _ALWAYS_ALLOWED):
            what, hint = _INSTEAD.get(
                kind, (kind.__name__, "write it with plain assignments and functions")
            )
            self.add("RS113", node, f"{what} is not available in programs", hint)
        super().visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            hint = "remove it: the function is called as it is written"
            self.add("RS113", decorator, f"{node.name} has a decorator", hint)
        if getattr(node, "type_params", None):  # since Python 3.12
            self.add("RS113", node, f"{node.name} has type parameters", "leave them out")
        self._identifier(node.name, node)
        self._private(node.name, node)
        self._annotation(node.returns)
        self.visit(node.args)
        outside = self._local, self._arguments
        names = {name for part in node.body for name in _stored(part)}
        asked = {arg.arg for arg in _parameters(node.args)}
        is_entry = node.name in self._entries and not self._local
        self._arguments = (asked if is_entry else self._arguments - asked) - names
        self._local = self._local | names | asked | {node.name}
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
            self.add("RS118", node, "an annotation of a part, without a value", "leave it out")
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
                    "del of a part is not available in programs",
                    "build what you need instead",
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
                    "RS113", node, "with is for np.errstate only", "write the statements without it"
                )
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        for part in (part for statement in node.finalbody for part in ast.walk(statement)):
            if isinstance(part, (ast.Return, ast.Break, ast.Continue)):
                self.add(
                    "RS113",
                    part,
                    "finally hides every mistake if it leaves",
                    "leave after the try statement",
                )
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is None:
            hint = "name the exception, or test for the bad value with np.where"
            self.add("RS113", node, "a bare except hides every mistake", hint)
        else:
            for kind in node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]:
                name = getattr(kind, "id", "")
                if name not in CATCHABLE or name in self._bound:
                    message = f"except {name or 'of an expression'} may hide that there is no memory or stack left"
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
                    f"from {module} import * hides what is used",
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
        hint = _NAMES.get(name)
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
                "an attribute cannot be changed: use variables",
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
                "RS117", node, 'pad with mode="empty" leaves memory as it was', "use another mode"
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
        """Something is stored in a target; what came from outside, or lies on module level, may not be changed."""
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
            self.add("RS121", target, f"the argument {base.id} is changed", _ON_A_COPY)
        elif base.id in self._constants and base.id not in self._local:
            self.add(
                "RS122",
                target,
                f"{base.id}, defined on module level, is changed in a function",
                _PURE,
            )

    def _attribute_refused(self, name: str, node: ast.AST) -> None:
        if name.startswith("_"):
            self.add(
                "RS116", node, f".{name} is private", "use public attributes of arrays and numpy"
            )
        elif name in _UNREPEATABLE:
            self.add("RS117", node, f".{name} is not available in programs", _UNREPEATABLE[name])
        else:
            hint = _ATTRIBUTE_HINTS.get(name) or did_you_mean(name, NUMPY)
            self.add("RS115", node, f".{name} is not available in programs", hint)

    def _private(self, name: str, node: ast.AST) -> bool:
        if not (name.startswith("__") and len(name) > 2):
            return False
        self.add(
            "RS116",
            node,
            f"{name} is a name of the interpreter",
            "choose a name without leading underscores",
        )
        return True

    def _identifier(self, name: str, node: ast.AST) -> None:
        if not name.isascii() and not all(
            letter.isascii() or letter in UNMISTAKABLE for letter in name
        ):
            hint = "spell it out: nu, rho, kappa; such letters are welcome in comments"
            self.add("RS119", node, f"the name {name!r} has letters that look like others", hint)

    def _alias(self, alias: ast.alias, node: ast.AST) -> None:
        if alias.asname is not None:
            self._private(alias.asname, node)
            self._identifier(alias.asname, node)

    def _import(self, module: str, node: ast.AST) -> None:
        hint = _MODULES.get(module.partition(".")[0], "programs may import numpy and math only")
        self.add("RS105", node, f"module {module!r} cannot be imported", hint)

    def _annotation(self, node: ast.expr | None) -> None:
        if node is not None and any(isinstance(part, _COMPUTE) for part in ast.walk(node)):
            self.add(
                "RS118",
                node,
                "an annotation that computes something",
                "leave it out, or name a type",
            )


def _is_refused(node: ast.expr) -> bool:
    """Whether an attribute was refused already: what is asked of it does not matter then."""
    return isinstance(node, ast.Attribute) and node.attr not in ATTRIBUTES


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    extra = [arg for arg in (arguments.vararg, arguments.kwarg) if arg is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def _stored(node: ast.AST) -> set[str]:
    """Names that a statement gives a value to, functions within it left out; an augmented assignment gives none."""
    names: set[str] = set()
    pending: list[ast.AST] = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, (*_DEFINITIONS, ast.Lambda)):
            names |= {part.name} if not isinstance(part, ast.Lambda) else set()
            continue
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            names.add(part.id)
        elif isinstance(part, ast.AugAssign):
            pending.append(part.value)
            continue
        pending.extend(ast.iter_child_nodes(part))
    return names


def _bound_names(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Names that the module gives to functions, and to anything else, imports for annotations left out."""
    functions, others = set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            others.add(node.id)
        elif isinstance(node, ast.arg):
            others.add(node.arg)
        elif isinstance(node, _DEFINITIONS):
            functions.add(node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            others.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.module in IMPORTABLE:
            others.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            others.update(
                _import_name(alias) for alias in node.names if alias.name not in ANNOTATION_ONLY
            )
    return functions, others


def _import_name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _is_idle(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
