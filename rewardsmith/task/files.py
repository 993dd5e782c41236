"""The files of an environment: the folder that its imports need, and what of it a task keeps."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from rewardsmith.errors import UsageError, did_you_mean

TASK_FILE = "task.toml"
_LEFT_OUT = {"__pycache__", "node_modules", "site-packages"}
# The files that mark a folder as another task, a run, or a virtual environment.
_MARKS = (TASK_FILE, "run.json", "events.jsonl", "pyvenv.cfg")
# Names by which code finds files that no import statement names.
_BY_PLACE = {"__file__", "__path__", "import_module", "__import__", "resources", "pkgutil"}
_MOST_FILES = 2000
_MOST_BYTES = 50_000_000
_SHOWN = 3


def files_of(folder: Path) -> list[Path]:
    """All files of a folder, sorted, without what is hidden, generated, or no part of it."""
    return sorted(_walk(folder, set()))


def _walk(folder: Path, seen: set[Path]) -> Iterator[Path]:
    seen.add(folder.resolve())  # a link may lead back
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name in _LEFT_OUT:
            continue
        if entry.is_file():
            yield path
        elif entry.is_dir() and path.resolve() not in seen and not _is_marked(path):
            yield from _walk(path, seen)


def _is_marked(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in _MARKS)


class Located(NamedTuple):
    """An environment in a file.

    Attributes:
        env_id: ``file.py:name`` within the folder.
        folder: where the absolute imports of the file begin, above all packages that it is in.
        files: what a task keeps of the folder: the modules that the file imports, and theirs; all
            files, if one of them may read files by their place.
    """

    env_id: str
    folder: Path
    files: tuple[Path, ...]


def locate(env_id: str) -> Located:
    """Find the environment ``path/to/file.py:name`` and the files that it needs.

    Raises:
        UsageError: there is no such file, it is not Python, it does not define the name, or it
            needs more than a task can keep.
    """
    text, _, name = env_id.rpartition(":")
    path = Path(text).expanduser()
    if not path.is_file():
        raise UsageError(
            f"there is no file {text}", "give FILE.py:Class, module:Class or a Gymnasium id"
        )
    try:
        module = _parsed(path)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path} is not Python: {error}", f"run: python {path}") from None
    if not {name, "*"} & (defined := _defined(module)):
        raise UsageError(f"{text} has no class or function {name!r}", did_you_mean(name, defined))
    file = path.resolve()
    folder = _import_root(file, module)
    needed = _needed(file, folder)
    files = _walk(folder, set()) if needed is None else needed
    return Located(f"{file.relative_to(folder).as_posix()}:{name}", folder, _kept(files, folder))


def _parsed(file: Path) -> ast.Module:
    """The syntax of a file.

    Raises:
        SyntaxError, ValueError: it is not Python.
    """
    return ast.parse(file.read_text(encoding="utf-8"))


def _defined(module: ast.Module) -> set[str]:
    """Names that a module may bind at its top; ``*`` after an import of everything."""
    names: set[str] = set()
    for node in _statements(module.body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at the top of a module, also those below ``if`` and ``try``."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _statements([*node.body, *node.orelse])


def _import_root(file: Path, module: ast.Module) -> Path:
    """The folder in which the absolute imports of a file begin."""
    root, imported = file.parent, set(_imported(module))
    while (root / "__init__.py").is_file() or (
        root.name in imported and not (root / root.name).exists()
    ):
        root = root.parent
    return root


def _imported(module: ast.Module) -> Iterator[str]:
    """First parts of the names of all imported modules, relative ones included."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def _needed(file: Path, root: Path) -> set[Path] | None:
    """The files that a file imports, with the files that they import.

    Returns:
        None if imports do not tell: one of them may read files by their place.
    """
    found: set[Path] = set()
    pending = _of_module(file, root)
    while pending:
        path = pending.pop()
        if path in found:
            continue
        found.add(path)
        try:
            module = _parsed(path) if path.suffix == ".py" else ast.Module([], [])
        except (SyntaxError, ValueError):
            continue
        if _BY_PLACE & set(_names(module)):
            return None
        for name in set(_imported(module)):
            for place in (root / f"{name}.py", root / name):
                pending += _of_module(place, root) if place.exists() else []
    return found


def _of_module(place: Path, root: Path) -> list[Path]:
    """A module at the top of a folder is one file; a module in a package needs all of it."""
    top = root / place.relative_to(root).parts[0]
    return files_of(top) if top.is_dir() else [top]


def _names(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")


def _kept(files: Iterable[Path], folder: Path) -> tuple[Path, ...]:
    """These files, sorted, if they are few enough to be copied into every run."""
    found = list(islice(files, _MOST_FILES + 1))
    if len(found) > _MOST_FILES or sum(file.stat().st_size for file in found) > _MOST_BYTES:
        raise UsageError(
            f"the environment needs files of {folder}, which holds more than can be copied into "
            f"every run ({_MOST_FILES} files, {_MOST_BYTES // 10**6} MB): "
            + _largest(found, folder),
            "move the environment and what it reads into a folder of its own, "
            "or install it as a package and give module:Class, which is not copied",
        )
    return tuple(sorted(found))


def _largest(files: Sequence[Path], folder: Path) -> str:
    sizes: dict[str, int] = {}
    for file in files:
        part = file.relative_to(folder).parts[0]
        sizes[part] = sizes.get(part, 0) + file.stat().st_size
    largest = sorted(sizes, key=lambda part: sizes[part], reverse=True)[:_SHOWN]
    return ", ".join(f"{part} {sizes[part] / 1e6:.0f} MB" for part in largest)
