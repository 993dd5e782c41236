"""What the source of a program may not contain: tables, and one visitor that applies them to the whole tree.

This reads; it does not confine. Its purpose is to tell the writer early and clearly what to write instead, so the
tables name what language models really write. A name that is neither defined in the module nor one of the offered
builtins is refused whatever it is, which also leaves out every builtin that could do harm.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from rewardsmith.errors import did_you_mean
from rewardsmith.sandbox.namespace import ANNOTATION_ONLY, BUILTINS, IMPORTABLE
from rewardsmith.types import Finding

_PURE = "programs are pure: they read their arguments and return a value; memory lives outside"
_ASK = "whatever a program needs to know it asks for by argument name"

_STATEMENTS = {
    ast.ClassDef: ("a class", "write module-level functions"),
    ast.AsyncFunctionDef: ("an async function", "write a plain def"),
    ast.Await: ("await", "write a plain function"),
    ast.Yield: ("yield", "return the whole array"),
    ast.YieldFrom: ("yield from", "return the whole array"),
    ast.Global: ("global", _PURE),
    ast.Nonlocal: ("nonlocal", _PURE),
    ast.Match: ("match", "use np.where or np.select"),
    ast.TryStar: ("except*", "test for the bad value with np.where"),
}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ON_MODULE_LEVEL = (ast.Import, ast.ImportFrom, *_DEFINITIONS, ast.Assign, ast.AnnAssign)

_MODULES = {
    "torch": "use numpy: arguments and results are numpy arrays",
    "jax": "use numpy: arguments and results are numpy arrays",
    "tensorflow": "use numpy: arguments and results are numpy arrays",
    "scipy": "use numpy",
    "gym": "a program is a function of its arguments, not a wrapper; it never sees the environment",
    "gymnasium": "a program is a function of its arguments, not a wrapper; it never sees the environment",
    "random": _PURE,
    "time": _PURE,
}
_NAMES = {
    **dict.fromkeys(("open", "input"), _ASK),
    **dict.fromkeys(("exec", "eval", "compile"), "write the expression itself"),
    **dict.fromkeys(("getattr", "setattr", "delattr", "type"), "name what you mean directly"),
    **dict.fromkeys(("globals", "locals", "vars", "dir"), "name what you mean directly"),
    "print": "return what you want to see as a term",
    **dict.fromkeys(("id", "hash", "object", "memoryview", "breakpoint"), _PURE),
}
_FILES = (
    "load save savez savez_compressed loadtxt savetxt genfromtxt fromfile memmap open_memmap fromregex DataSource "
    "tofile dump dumps"
)
_INSIDES = (
    "testing f2py ctypeslib lib core compat distutils ctypes as_strided setflags frombuffer frompyfunc base data "
    "ndpointer gi_frame gi_code cr_frame ag_frame tb_frame tb_next f_back f_globals f_locals f_builtins func_globals "
    "mro obj with_traceback"
)
_SETTINGS = "seterr seterrcall setbufsize set_printoptions set_string_function"
_ATTRIBUTES = {
    **dict.fromkeys(_FILES.split(), ("RS115", _ASK)),
    **dict.fromkeys(_INSIDES.split(), ("RS115", "use numpy's array functions")),
    **dict.fromkeys(_SETTINGS.split(), ("RS115", "use `with np.errstate(...)` inside the function")),
    **dict.fromkeys(("format", "format_map"), ("RS115", "return numbers as terms; text is not needed")),
    "vectorize": ("RS115", "it is a slow loop: write array expressions with np.where or np.select"),
    **dict.fromkeys(("random", "default_rng", "RandomState"), ("RS117", _PURE)),
    **dict.fromkeys(("empty", "empty_like"), ("RS117", "it is uninitialised: use np.zeros or np.zeros_like")),
}


def check_tree(tree: ast.Module, offered: Iterable[str]) -> list[Finding]:
    """Every rule that does not depend on which function it stands in."""
    visitor = _Rules(tree, frozenset(offered))
    for node in tree.body:
        if not isinstance(node, _ON_MODULE_LEVEL) and not _is_text(node):
            message = "module level holds a statement that runs when loaded"
            visitor.add("RS113", node, message, "keep imports, constants and functions only")
    visitor.visit(tree)
    return list(dict.fromkeys(visitor.findings))


class _Rules(ast.NodeVisitor):
    """Collects findings; annotations are looked at only for calls, since they are cut out before anything runs."""

    def __init__(self, tree: ast.Module, offered: frozenset[str]) -> None:
        self.findings: list[Finding] = []
        self._offered = offered
        self._bound = _bound_names(tree)

    def add(self, code: str, node: ast.AST, message: str, hint: str) -> None:
        self.findings.append(Finding(code, "error", message, hint, getattr(node, "lineno", 0)))

    def visit(self, node: ast.AST) -> None:
        if type(node) in _STATEMENTS:
            what, hint = _STATEMENTS[type(node)]
            self.add("RS113", node, f"{what} is not available in programs", hint)
        super().visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            self.add(
                "RS113", decorator, f"{node.name} has a decorator", "remove it: the function is called as it is written"
            )
        self._annotation(node.returns)
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)

    def visit_arg(self, node: ast.arg) -> None:
        self._private(node.arg, node)
        self._annotation(node.annotation)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is None:
            hint = "name the exception, or test for the bad value with np.where"
            self.add("RS113", node, "a bare except hides every mistake", hint)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in (*IMPORTABLE, *ANNOTATION_ONLY):
                self._import(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        if module not in (*IMPORTABLE, *ANNOTATION_ONLY):
            self._import(module, node)
            return
        if module in IMPORTABLE:
            for alias in node.names:
                if alias.name == "*":
                    self.add("RS105", node, f"from {module} import * hides what is used", "write `import numpy as np`")
                self._attribute(alias.name, node)

    def visit_Name(self, node: ast.Name) -> None:
        name = node.id
        if self._private(name, node) or not isinstance(node.ctx, ast.Load) or name in self._bound or name in BUILTINS:
            return
        hint = _NAMES.get(name)
        if name in self._offered:
            hint = "add it to the arguments of the function"
        elif name in ("np", "math"):
            hint = "write `import numpy as np`, `import math`"
        hint = hint or did_you_mean(name, {*self._bound, *BUILTINS})
        self.add("RS114", node, f"{name!r} is not defined in programs", hint)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._attribute(node.attr, node)
        self.visit(node.value)

    def _attribute(self, name: str, node: ast.AST) -> None:
        if name.startswith("_"):
            self.add("RS116", node, f".{name} is private", "use public attributes of arrays and numpy")
        elif name in _ATTRIBUTES:
            code, hint = _ATTRIBUTES[name]
            self.add(code, node, f".{name} is not available in programs", hint)

    def _private(self, name: str, node: ast.AST) -> bool:
        if not (name.startswith("__") and len(name) > 2):
            return False
        self.add("RS116", node, f"{name} is a name of the interpreter", "choose a name without leading underscores")
        return True

    def _import(self, module: str, node: ast.AST) -> None:
        hint = _MODULES.get(module.partition(".")[0], "programs may import numpy and math only")
        self.add("RS105", node, f"module {module!r} cannot be imported", hint)

    def _annotation(self, node: ast.expr | None) -> None:
        if node is not None and any(isinstance(part, (ast.Call, ast.Lambda, ast.NamedExpr)) for part in ast.walk(node)):
            self.add("RS118", node, "an annotation that computes something", "leave it out, or name a type")


def _bound_names(tree: ast.Module) -> set[str]:
    """Every name that the module gives a value to anywhere, imports for annotations left out."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (*_DEFINITIONS, ast.ExceptHandler)) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.module in IMPORTABLE:
            bound.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            bound.update(_import_name(alias) for alias in node.names if alias.name not in ANNOTATION_ONLY)
    return bound


def _import_name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
