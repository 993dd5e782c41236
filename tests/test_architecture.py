"""The rules of the house, checked on the source.

Which module may import which, where heavy libraries, ``exec`` and broad ``except`` may stand, how
long things may get. Every violation is listed on a line of its own, with file and line. The tables
below are the whole of the exceptions.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import itertools
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import pytest

from tests.support.places import ROOT

PACKAGE = ROOT / "rewardsmith"

# The rooms of the package, top down. A room may import the rooms and modules below it, never those
# above.
ROOMS = (
    "cli",
    "testing",
    "api",
    "engine",
    "writers",
    "strategy",
    "train",
    "evidence",
    "sandbox",
    "run",
    "terms",
    "episodes",
    "task",
    "llm",
    "program",
    "learned",
    "maths",
    "plugins",
    "journal",
    "assets",
    "errors",
    "types",
)
ENTRANCES = {"__init__", "__main__"}  # they may import any room

# Three imports that never happen, although the order of the rooms would allow them.
NEVER_SANDBOX = "train"  # a trainer runs no generated code
STRATEGY_MAY_IMPORT = {"run", "maths", "program", "plugins", "types", "errors"}  # deciding is pure
# beside generated code: nothing of ours but the sandbox's own files and types
CONFINED = "rewardsmith.sandbox.inside"

# Library -> where it may be imported at module level (a trailing slash means the folder).
# Elsewhere: inside functions.
HEAVY: dict[str, tuple[str, ...]] = {
    "torch": (
        "train/",
        *("learned/batches.py", "learned/fitting.py", "learned/network.py"),
    ),
    "stable_baselines3": ("train/",),
    "sb3_contrib": ("train/",),
    "openai": (),
    "anthropic": (),
    "litellm": (),
    "ray": (),
    "matplotlib": (),
    "pytest": ("testing/",),
}
NOT_ON_IMPORT = {*HEAVY, "gymnasium", "pandas", "scipy", "tensorboard"}
NOT_ON_HELP = {*HEAVY, "pandas", "scipy", "tensorboard"}

# Files that meet foreign code (environments, tasks, programs, providers) and may catch whatever it
# raises. A handler that ends in a bare `raise` catches nothing and is allowed everywhere.
BROAD_EXCEPT: dict[str, str] = {
    "plugins.py": "importing another package's plugin",
    "errors.py": "boundary(): the one place that classifies",
    "writers/extract.py": "parsing text that a model wrote",
    "llm/failures.py": "provider_errors(): the boundary of the providers' libraries",
    "llm/openai.py": "asks again without a refused parameter, else raises",
    "llm/anthropic.py": "asks again without a refused parameter, else raises",
    "task/layout.py": "reading fields through functions of the task",
    "episodes/recorder.py": "reading fields through functions of the task",
    "episodes/vector_recorder.py": "reading what a vector environment returned",
    "task/environment.py": "an environment is foreign code",
    "task/ids.py": "importing packages that may register an id",
    "task/labels.py": "a function of the task",
    "sandbox/inside/process.py": "the program host",
    "writers/sources.py": "hands what a background thread raised to the thread that waits",
    "engine/workers/process.py": "outer frame of a process that carries out one call",
    "engine/workers/ray.py": "hands what Ray raised in a thread of its own to the one that waits",
    "engine/workers/server.py": "outer frame of a worker process",
    "cli/command.py": "outer frame of the command line",
}
PICKLES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
MAY_PRINT = ("cli/", "__main__.py")
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
COMPOUND = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.If,
    ast.While,
    ast.For,
    ast.AsyncFor,
    ast.With,
    ast.AsyncWith,
    ast.Match,
    ast.Try,
)
TWO_COMPREHENSIONS: dict[str, str] = {}  # file -> why one of its statements has two

# Files of tests that touch private names, with how often and why. Public behaviour does not show
# these; documented names with an underscore (DOCUMENTED) do not count.
PRIVATE_IN_TESTS = {
    "tests/api/test_export_module.py": (1, "the fields that an exported wrapper kept"),
    "tests/episodes/test_recorder.py": (1, "the size of a buffer"),
    "tests/maths/test_relevance.py": (3, "the state of an estimate, to compute what it implies"),
    "tests/sandbox/test_lost.py": (1, "a request that has no answer yet"),
    "tests/support/crash_driver.py": (1, "a process that kills itself at a chosen event"),
    "tests/train/test_q_shaping.py": (5, "the schedule of Stable-Baselines3"),
}
DOCUMENTED = {"_replace", "_exit", "_repr_html_"}  # of NamedTuple, os and IPython
FILE_LINES = 400
FUNCTION_LINES = 60


class Import(NamedTuple):
    """One imported name: ``target`` is dotted and absolute, down to the name in ``from x import name``."""

    target: str
    line: int
    late: bool  # inside a function, or for type checking only


class Module(NamedTuple):
    """One file of the package."""

    file: str  # relative to the package, with slashes
    name: str  # dotted
    tree: ast.Module
    lines: int

    @property
    def part(self) -> str:
        """The top-level module or folder that it belongs to."""
        names = self.name.split(".")
        return names[1] if len(names) > 1 else "__init__"

    def at(self, line: int, message: str) -> str:
        return f"rewardsmith/{self.file}:{line}: {message}"


@functools.cache
def modules() -> dict[str, Module]:
    """All modules of the package by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if "_assets" in path.parts:
            continue
        names = list(path.relative_to(ROOT).with_suffix("").parts)
        name = ".".join(names[:-1] if names[-1] == "__init__" else names)
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source, str(path))
        found[name] = Module(
            path.relative_to(PACKAGE).as_posix(), name, tree, len(source.splitlines())
        )
    return found


def imports(module: Module) -> Iterator[Import]:
    """All imports of a module, also those for type checking only."""
    package = module.name if module.file.endswith("__init__.py") else module.name.rpartition(".")[0]

    def walk(nodes: Iterable[ast.AST], late: bool) -> Iterator[Import]:
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, node.lineno, late) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                yield from (
                    Import(f"{base}.{alias.name}", node.lineno, late) for alias in node.names
                )
            else:
                inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                inside |= isinstance(node, ast.If) and ast.unparse(node.test).endswith(
                    "TYPE_CHECKING"
                )
                yield from walk(ast.iter_child_nodes(node), late or inside)

    return walk(module.tree.body, False)


def imported_module(target: str) -> str | None:
    """The module of ours that an import reaches: the longest known prefix; None for others' modules.

    ``rewardsmith.__version__`` does not count: the package's own file is loaded in any case.
    """
    if target.partition(".")[0] != "rewardsmith" or target == "rewardsmith.__version__":
        return None
    while target not in modules() and "." in target:
        target = target.rpartition(".")[0]
    return target


def our_imports() -> Iterator[tuple[Module, Module, int]]:
    """Who imports whom of our own modules, and on which line."""
    for module in modules().values():
        for item in imports(module):
            name = imported_module(item.target)
            if name in modules() and name != module.name:
                yield module, modules()[name], item.line


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[Module, ast.AST]]:
    """All syntax nodes of those kinds, with their modules."""
    for module in modules().values():
        for node in ast.walk(module.tree):
            if isinstance(node, kinds):
                yield module, node


def within(file: str, places: Iterable[str]) -> bool:
    return any(file.startswith(place) if place.endswith("/") else file == place for place in places)


def none(violations: Iterable[str]) -> None:
    """Fail with one violation a line."""
    listed = sorted(set(violations))
    if listed:
        pytest.fail(f"{len(listed)} found:\n" + "\n".join(listed), pytrace=False)


# ------------------------------------------------------------------------------------------------------- floors


def test_every_part_is_a_room() -> None:
    none(
        m.at(1, f"the top-level module {m.part!r} has no place: add it to ROOMS")
        for m in modules().values()
        if m.part not in {*ROOMS, *ENTRANCES}
    )


def test_imports_go_down() -> None:
    place = {room: number for number, room in enumerate(ROOMS)}

    def goes_up(above: str, below: str) -> bool:
        return above not in ENTRANCES and (below in ENTRANCES or place[below] < place[above])

    none(
        module.at(line, f"{module.part} imports {target.part}, which is above it in ROOMS")
        for module, target, line in our_imports()
        if goes_up(module.part, target.part)
    )


def test_the_trainer_never_imports_the_sandbox() -> None:
    none(
        module.at(line, f"{NEVER_SANDBOX} imports {target.name}")
        for module, target, line in our_imports()
        if module.part == NEVER_SANDBOX and target.part == "sandbox"
    )


def test_strategies_import_only_what_deciding_needs() -> None:
    none(
        module.at(line, f"a strategy imports {target.name}")
        for module, target, line in our_imports()
        if module.part == "strategy" and target.part not in {"strategy", *STRATEGY_MAY_IMPORT}
    )


def test_the_confined_process_loads_nothing_of_ours_but_the_sandbox_and_types() -> None:
    reached = {name for name in modules() if name.startswith(CONFINED)}
    waiting = list(reached)
    while waiting:
        name = waiting.pop()
        below = {
            target.name for module, target, _ in our_imports() if module.name == name
        } - reached
        reached |= below
        waiting += below
    none(
        modules()[name].at(1, f"is loaded beside generated code, by {CONFINED}")
        for name in reached
        if modules()[name].part not in ("sandbox", "types")
    )


def test_imports_have_no_cycle() -> None:
    lines = {(module.name, target.name): line for module, target, line in our_imports()}
    graph: dict[str, set[str]] = {}
    for importer, imported in lines:
        graph.setdefault(importer, set()).add(imported)
    cycle: list[str] = []
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1]  # each is imported by the next
    none(
        modules()[importer].at(lines[importer, imported], f"in a cycle: imports {imported}")
        for imported, importer in itertools.pairwise(cycle)
    )


# ------------------------------------------------------------------------------------------------
# heavy libraries


def test_heavy_libraries_are_imported_late() -> None:
    none(
        module.at(
            item.line, f"imports {library} at module level: do it inside the function that needs it"
        )
        for module in modules().values()
        for item in imports(module)
        if (library := item.target.partition(".")[0]) in HEAVY
        and not item.late
        and not within(module.file, HEAVY[library])
    )


def loaded_by(code: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter holds after running the code."""
    report = "import json, sys; print('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_is_light() -> None:
    none(
        f"import rewardsmith loads {name}"
        for name in loaded_by("import rewardsmith") & NOT_ON_IMPORT
    )


def test_help_is_light() -> None:
    code = """
import sys
from rewardsmith.cli import main
sys.argv = ["rewardsmith", "--help"]
try:
    code = main()
except SystemExit as stop:
    code = stop.code
assert not code, f"--help ended with {code!r}"
"""
    none(f"rewardsmith --help loads {name}" for name in loaded_by(code) & NOT_ON_HELP)


# --------------------------------------------------------------------------------------------------- trust


def test_exec_stands_in_one_file_of_the_sandbox() -> None:
    calls = [
        (module, node.lineno, name)
        for module, node in nodes(ast.Call)
        if (name := ast.unparse(node.func).removeprefix("builtins.")) in ("exec", "eval")
    ]
    home = sorted(
        {
            module.file
            for module, _, name in calls
            if name == "exec" and within(module.file, ["sandbox/"])
        }
    )
    violations = [
        module.at(line, f"calls {name}()") for module, line, name in calls if [module.file] != home
    ]
    violations += [
        module.at(line, "calls eval()") for module, line, name in calls if name == "eval"
    ]
    if not home and any(within(module.file, ["sandbox/"]) for module in modules().values()):
        violations.append(
            "rewardsmith/sandbox: no file calls exec(): where does generated code run?"
        )
    none(violations)


def test_options_of_strategies_are_read_by_attribute() -> None:
    def read(node: ast.AST) -> str | None:
        """The option that is read by its name as a string."""
        if isinstance(node, ast.Subscript):
            holder, key = node.value, node.slice
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            holder, key = node.args[0], node.args[1]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder, key = node.func.value, next(iter(node.args), None)
            if node.func.attr != "get":
                return None
        else:
            return None
        is_options = ast.unparse(holder).rpartition(".")[2] == "options"
        return key.value if is_options and isinstance(key, ast.Constant) else None

    none(
        module.at(node.lineno, f"reads the option {name!r} by a string")
        for module, node in nodes(ast.Subscript, ast.Call)
        if (name := read(node)) is not None
    )


def test_nothing_pickles() -> None:
    none(
        module.at(item.line, f"imports {name}: write JSON, npz or weights instead")
        for module in modules().values()
        for item in imports(module)
        if (name := item.target.partition(".")[0]) in PICKLES
    )


def test_nothing_unpickles_by_option() -> None:
    def problem(call: ast.Call) -> str | None:
        given = {
            keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg
        }
        if given.get("allow_pickle", "False") != "False":
            return "allow_pickle must be False"
        if (
            ast.unparse(call.func) in ("torch.load", "th.load")
            and given.get("weights_only") != "True"
        ):
            return "torch.load needs weights_only=True"
        return None

    none(
        module.at(node.lineno, message)
        for module, node in nodes(ast.Call)
        if isinstance(node, ast.Call) and (message := problem(node)) is not None
    )


def test_broad_excepts_stand_in_the_table() -> None:
    def names(expression: ast.expr) -> set[str]:
        items = expression.elts if isinstance(expression, ast.Tuple) else [expression]
        return {ast.unparse(item).removeprefix("builtins.") for item in items}

    def problem(module: Module, node: ast.AST) -> str | None:
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            return "bare except: name what is caught"
        if isinstance(node, ast.ExceptHandler):
            last = node.body[-1]
            caught = set() if isinstance(last, ast.Raise) and last.exc is None else names(node.type)
        else:  # contextlib.suppress(...)
            suppresses = ast.unparse(node.func).rpartition(".")[2] == "suppress"
            caught = {name for item in node.args for name in names(item)} if suppresses else set()
        broad = caught & {"Exception", "BaseException"}
        if broad and module.file not in BROAD_EXCEPT:
            return f"catches {', '.join(sorted(broad))}: use errors.boundary(), or give BROAD_EXCEPT a reason"
        return None

    none(
        module.at(node.lineno, message)
        for module, node in nodes(ast.ExceptHandler, ast.Call)
        if (message := problem(module, node)) is not None
    )


def test_only_the_command_line_prints() -> None:
    none(
        module.at(node.lineno, "print() outside the command line and the report")
        for module, node in nodes(ast.Call)
        if ast.unparse(node.func) in ("print", "builtins.print")
        and not within(module.file, MAY_PRINT)
    )


# -------------------------------------------------------------------------------------------------- tests


def private_names(tree: ast.AST) -> Iterator[int]:
    """The lines on which a test uses a private name of something else."""

    def private(name: str) -> bool:
        return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED

    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (node.lineno for alias in node.names if private(alias.name))
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls"):
            yield from [node.lineno] if private(node.attr) else []


def test_tests_use_public_names() -> None:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        lines = list(private_names(ast.parse(path.read_text(encoding="utf-8"))))
        allowed, _ = PRIVATE_IN_TESTS.get(file, (0, ""))
        assert len(lines) == allowed, f"{file}: private names on lines {lines}, expected {allowed}"


# --------------------------------------------------------------------------------------------------- form


def test_files_are_short() -> None:
    none(
        module.at(module.lines, f"{module.lines} lines, {FILE_LINES} at most")
        for module in modules().values()
        if module.lines > FILE_LINES
    )


def test_functions_are_short() -> None:
    none(
        module.at(node.lineno, f"{node.name} has {length} lines, {FUNCTION_LINES} at most")
        for module, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        if (length := node.end_lineno - node.lineno + 1) > FUNCTION_LINES
    )


def test_no_statement_has_two_comprehensions() -> None:
    """Of a compound statement only the head counts: what it tests, loops over or enters."""

    def heads(node: ast.AST) -> list[ast.expr]:
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.Match(subject=test):
                return [test]
            case ast.For(iter=iterable) | ast.AsyncFor(iter=iterable):
                return [iterable]
            case ast.With(items=items) | ast.AsyncWith(items=items):
                return [item.context_expr for item in items]
        return []

    def comprehensions(node: ast.AST) -> int:
        parts = heads(node) if isinstance(node, COMPOUND) else [node]
        inside = [part for head in parts for part in ast.walk(head)]
        return sum(isinstance(part, COMPREHENSIONS) for part in inside)

    none(
        module.at(node.lineno, f"{count} comprehensions in one statement: name the steps")
        for module, node in nodes(ast.stmt)
        if (count := comprehensions(node)) > 1 and module.file not in TWO_COMPREHENSIONS
    )


def test_modules_are_named_for_what_they_hold() -> None:
    none(
        module.at(1, f"no module is called {name}")
        for module in modules().values()
        for name in module.name.split(".")
        if name in FORBIDDEN_NAMES
    )


def test_every_module_has_a_docstring() -> None:
    none(
        module.at(1, "no docstring")
        for module in modules().values()
        if not ast.get_docstring(module.tree)
    )


def test_public_names_are_sorted_and_resolve() -> None:
    package = importlib.import_module("rewardsmith")
    names = package.__all__
    assert list(names) == sorted(names), f"__all__ should read {sorted(names)}"
    none(
        f"rewardsmith.__all__: {name} does not resolve"
        for name in names
        if not hasattr(package, name)
    )
