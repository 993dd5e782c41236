"""Reads the source of a program: its entry points, their arguments, and all static findings.

Nothing is run. Messages go to a language model that has to repair its code: they say what was
found, what was expected, and what to write instead. The rules for entry points are here; those for
the whole tree are in :mod:`statements`.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from rewardsmith.errors import did_you_mean
from rewardsmith.program import ENTRY_POINTS, REWARD_ALIASES, EntryPoint
from rewardsmith.sandbox.codes import CODES
from rewardsmith.sandbox.dtypes import check_dtypes
from rewardsmith.sandbox.static.bindings import check_bindings, check_scopes
from rewardsmith.sandbox.static.sizes import check_text, check_tree_size, check_work
from rewardsmith.sandbox.static.statements import check_tree
from rewardsmith.task.field import RESERVED_PREFIXES
from rewardsmith.types import Finding

_MAX_FINDINGS = 20  # a writer fixes a few at a time

# entry points that are functions of the current state: their arguments beside plain fields and obs
_STATE_ONLY = {
    "potential": frozenset[str](),
    "q_prior": frozenset({"action"}),
}
_WHY_STATE = {
    "potential": "a potential is a function of one state: read {plain}",
    "q_prior": "a prior on Q(s, a) is a function of the state and the action: read {plain}",
}
_IMMUTABLE = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class StaticReport:
    """The result of reading a source; it is refused if a finding is an error.

    Attributes:
        entries: the entry points by name, as far as they could be read.
        findings: everything found.
        tree: the module; empty if it could not be read.
    """

    entries: dict[str, EntryPoint]
    findings: tuple[Finding, ...]
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []), compare=False, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it may be run."""
        return all(finding.severity != "error" for finding in self.findings)


def check_static(
    source: str, offered: tuple[str, ...], *, hidden: tuple[str, ...] = ()
) -> StaticReport:
    """Read a source.

    Args:
        source: the module.
        offered: argument names that the task offers.
        hidden: names that the task has but does not offer, for the message.
    """
    if unreadable := check_text(source):
        return StaticReport({}, tuple(unreadable))
    try:
        tree = _parse(source)
        if too_large := check_tree_size(tree):
            return StaticReport({}, tuple(too_large))
        findings = [
            *check_tree(tree, offered, frozenset((*ENTRY_POINTS, *REWARD_ALIASES))),
            *check_work(tree),
        ]
        nodes = list(ast.walk(tree))
        findings += [*check_bindings(tree, nodes), *check_dtypes(nodes)]
        entries, more = _Entries(frozenset(offered), frozenset(hidden)).read(tree)
        findings += [] if findings else check_scopes(source, tree)
    except (SyntaxError, ValueError) as error:
        return _refused(_syntax(error, source))
    except (RecursionError, MemoryError):
        return _refused(
            Finding(
                "RS101",
                "error",
                "the source is nested too deeply",
                "use intermediate variables",
            )
        )
    in_order = sorted([*findings, *more], key=lambda finding: finding.line)
    return StaticReport(entries, tuple(in_order[:_MAX_FINDINGS]), tree)


def _used_by_reward(functions: Sequence[ast.FunctionDef | ast.AsyncFunctionDef]) -> set[str]:
    """Names of the functions that the reward calls, also through others."""
    called = {node.name: _called_in(node) for node in functions}
    found, left = set[str](), [name for name in called if name in {"reward", *REWARD_ALIASES}]
    while left:
        new = called.get(left.pop(), set()) - found
        found |= new
        left += new
    return found


def _called_in(node: ast.AST) -> set[str]:
    calls = (part.func for part in ast.walk(node) if isinstance(part, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings(action="ignore"):  # a SyntaxWarning is no finding
        return ast.parse(source)


def _refused(finding: Finding) -> StaticReport:
    return StaticReport({}, (finding,))


def _syntax(error: SyntaxError | ValueError, source: str) -> Finding:
    line = getattr(error, "lineno", None) or 0
    lines = source.split("\n")
    text = f": {lines[line - 1].strip()[:120]!r}" if 0 < line <= len(lines) else ""
    message = f"not valid Python, {getattr(error, 'msg', None) or error}{text}"
    return Finding(
        "RS101", "error", message, "answer with the module alone: no prose, no code fence", line
    )


class _Entries:
    """Finds the entry points of a tree and checks their signatures."""

    def __init__(self, offered: frozenset[str], hidden: frozenset[str]) -> None:
        self._offered = offered
        self._hidden = hidden
        self._findings: list[Finding] = []

    def read(self, tree: ast.Module) -> tuple[dict[str, EntryPoint], list[Finding]]:
        """Entry points by name, and the findings about them."""
        functions = [
            node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        ]
        entries: dict[str, EntryPoint] = {}
        helpers = _used_by_reward(functions)
        for node in functions:
            name = "reward" if node.name in REWARD_ALIASES else node.name
            if name not in ENTRY_POINTS:
                continue
            if name != "reward" and name in helpers:
                self._note_helper(node)
                continue
            if name in entries:
                message = f"{name} is defined twice, as {entries[name].function} and {node.name}"
                self._add("RS104", node, message, "keep one of them")
                continue
            self._check_returns(node)
            entries[name] = EntryPoint(name, self._signature(node, name), node.name)
        if not entries:
            self._add(
                "RS103", tree, f"no entry point: {_what_there_is(tree, functions)}", _expected(tree)
            )
        return entries, self._findings

    def _note_helper(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A function that the reward calls: to add what it gives once more would count it twice."""
        message = f"the reward calls {node.name}, so it is a helper and is not added to the reward"
        hint = f"give the helper another name than {node.name}"
        self._findings.append(Finding("RS125", "info", message, hint, node.lineno))

    def _add(self, code: str, node: ast.AST, message: str, hint: str = "") -> None:
        self._findings.append(
            Finding(code, "error", message, hint or CODES[code].remedy, getattr(node, "lineno", 0))
        )

    def _check_returns(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Find an entry point without ``return <value>``; a missing branch shows when it runs."""
        pending: list[ast.AST] = list(node.body)
        while pending:
            part = pending.pop()
            if isinstance(part, ast.Return) and part.value is not None:
                return
            if not isinstance(part, (ast.FunctionDef, ast.Lambda)):
                pending.extend(ast.iter_child_nodes(part))
        self._add(
            "RS123",
            node,
            f"{node.name} returns nothing",
            "return a dict of terms, or an array of shape (n,)",
        )

    def _signature(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, entry: str
    ) -> tuple[str, ...]:
        """The task's names among the parameters; the others keep their constant default."""
        yields = any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in ast.walk(node))
        if yields or isinstance(node, ast.AsyncFunctionDef):
            self._add(
                "RS106",
                node,
                f"{node.name} is async or a generator",
                "write a plain def that returns arrays",
            )
        arguments = node.args
        for star in (arguments.vararg, arguments.kwarg):
            if star is not None:
                self._add(
                    "RS107",
                    node,
                    f"{node.name} takes *{star.arg}",
                    "name each argument: the names select the inputs",
                )
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + [
            *arguments.defaults
        ]
        by_name = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        pairs = enumerate([*zip(positional, defaults, strict=True), *by_name])
        return tuple(
            arg.arg
            for i, (arg, default) in pairs
            if self._asks(arg, default, entry, is_first=i == 0)
        )

    def _asks(self, arg: ast.arg, default: ast.expr | None, entry: str, *, is_first: bool) -> bool:
        name = arg.arg
        if default is not None and not _is_constant(default):
            message = f"the default of {name!r} is not a constant"
            self._add(
                "RS111",
                default,
                message,
                "write a number, or use a module-level constant in the body",
            )
        if name in self._offered:
            self._check_role(arg, entry)
            return True
        if default is None:
            self._unknown(arg, entry, is_first)
        return False

    def _unknown(self, arg: ast.arg, entry: str, is_first: bool) -> None:
        name = arg.arg
        if is_first and name in ("self", "cls"):
            hint = "write a module-level function: there is no object and no environment"
            self._add("RS112", arg, f"{entry} takes {name!r}", hint)
        elif name in self._hidden or _plain(name) in self._hidden:
            message = (
                f"{entry} reads {name!r}, which is not offered: it shows how success is measured"
            )
            self._add("RS109", arg, message, "use: " + ", ".join(sorted(self._allowed(entry))))
        else:
            message = f"{entry} reads {name!r}, which this task does not have"
            hint = did_you_mean(name, self._allowed(entry))
            self._add(
                "RS108", arg, message, f"{hint}; a helper function needs another name than {entry}"
            )

    def _check_role(self, arg: ast.arg, entry: str) -> None:
        if arg.arg in self._allowed(entry):
            return
        plain = _plain(arg.arg)
        near = repr(plain) if plain in self._allowed(entry) else "the fields of the state"
        self._add("RS110", arg, f"{entry} reads {arg.arg!r}", _WHY_STATE[entry].format(plain=near))

    def _allowed(self, entry: str) -> frozenset[str]:
        """What an entry point may read."""
        extra = _STATE_ONLY.get(entry)
        if extra is None:
            return self._offered
        others = {name for name in self._offered if name.startswith(RESERVED_PREFIXES)} | {
            "action",
            "terminated",
        }
        return frozenset((self._offered - others) | (extra & self._offered))


def _plain(name: str) -> str:
    for prefix in RESERVED_PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _is_constant(node: ast.expr) -> bool:
    """Whether it is a number, a text, or a tuple of them, which cannot change between calls."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    items = value if isinstance(value, tuple) else (value,)
    return all(isinstance(item, _IMMUTABLE) for item in items)


def _what_there_is(
    tree: ast.Module, functions: list[ast.FunctionDef | ast.AsyncFunctionDef]
) -> str:
    names = [node.name for node in functions]
    if names:
        return f"found only the functions {', '.join(names[:8])}"
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    return f"found the class {classes[0]}" if classes else "found no module-level function"


def _expected(tree: ast.Module) -> str:
    targets = [
        target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
    assigned = {target.id for target in targets if isinstance(target, ast.Name)}
    wrong = sorted(assigned & {*ENTRY_POINTS, *REWARD_ALIASES})
    start = f"{wrong[0]} is assigned, not defined: " if wrong else ""
    return f"{start}write `def reward(<fields>):` on module level (or potential, subgoals, q_prior)"
