"""Hints: what to write instead of the names and statements that models use and programs may not."""

from __future__ import annotations

import ast

PURE = "a program computes a value from its arguments and keeps nothing between calls"
ASK = "take every input as a named argument"
ON_A_COPY = "arguments are read-only: write `x = x + ...`, or change a copy"

STATEMENTS: dict[type[ast.AST], tuple[str, str]] = {
    ast.ClassDef: ("a class", "write module-level functions"),
    ast.AsyncFunctionDef: ("an async function", "write a plain def"),
    ast.Await: ("await", "write a plain function"),
    ast.Yield: ("yield", "return the whole array"),
    ast.YieldFrom: ("yield from", "return the whole array"),
    ast.Global: ("global", PURE),
    ast.Nonlocal: ("nonlocal", PURE),
    ast.Match: ("match", "use np.where or np.select"),
    ast.TryStar: ("except*", "test for the bad value with np.where"),
    ast.While: ("while", "use an array expression, or `for _ in range(k)`"),
}


def _each(names: str, hint: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), hint)


MODULES = {
    **_each("torch jax tensorflow", "use numpy: arguments and results are numpy arrays"),
    "scipy": "use numpy",
    **_each("gym gymnasium", "write a function of its arguments, not a wrapper of an environment"),
    **_each("random time", PURE),
}
NAMES = {
    **_each("open input", ASK),
    **_each("exec eval compile", "write the expression itself"),
    **_each("getattr setattr delattr hasattr type", "write the attribute or the name directly"),
    **_each("globals locals vars dir", "write the attribute or the name directly"),
    "print": "return the value as a term",
    **_each("id hash object memoryview breakpoint", PURE),
    **_each("BaseException SystemExit KeyboardInterrupt", "name the exception that is expected"),
}
_FILES = (
    "load save savez savez_compressed loadtxt savetxt genfromtxt fromfile memmap fromregex "
    "DataSource tofile dump"
)
ATTRIBUTES = {
    **_each(_FILES, ASK),
    **_each(
        "seterr seterrcall setbufsize set_printoptions",
        "use `with np.errstate(...)` inside the function",
    ),
    **_each(
        "copyto put place putmask fill_diagonal resize itemset setflags",
        "assign into a copy: `y = x.copy(); y[mask] = value`, or use np.where",
    ),
    **_each("format format_map", "return numbers as terms; text is not needed"),
    **_each(
        "vectorize frompyfunc", "a slow loop: write array expressions with np.where or np.select"
    ),
    "at": "use np.bincount, or index with a mask",
    **_each("r_ c_", "use np.concatenate or np.column_stack"),
    **_each("view data base ctypes tobytes frombuffer", "use numpy's array functions"),
}
UNREPEATABLE = {
    **_each("random default_rng RandomState Generator", PURE),
    **_each("empty empty_like", "its memory is uninitialised: use np.zeros or np.zeros_like"),
}
