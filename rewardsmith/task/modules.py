"""Import the Python files of a task, with the modules and packages beside them.

While a file is imported, the folder of its task is searched first, as the folder of a script is;
later, for imports inside functions, last, so that it hides no module of the user's own. A file at
its top is imported under a name of our own, once per content; one in a package, under its own name.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from rewardsmith.errors import UsageError, boundary

_SEARCHED: set[Path] = set()  # registry of the folders whose modules were imported for a task
# What was imported for the folder that was searched last. Each environment of a vector asks for its
# class, and to search the folder again takes longer than to make many environments.
_LAST: dict[tuple[Path, Path, int, int], ModuleType] = {}


def import_file(path: Path, folder: Path | None = None) -> ModuleType:
    """Import a Python file of a task; later calls return the same module.

    Args:
        folder: of the task; by default that of the file.

    Raises:
        UsageError: it is no Python file.
        BoundaryError: the file raises when it is imported.
    """
    path = path.absolute()
    root = path.parent if folder is None else folder.absolute()
    with boundary("environment", f"reading {path.name}"):
        stat = path.stat()
    key = (root, path, stat.st_mtime_ns, stat.st_size)
    if key not in _LAST:
        module = _imported(path, root)
        if any(folder != root for folder, *_ in _LAST):
            _LAST.clear()
        _LAST[key] = module
    return _LAST[key]


def search_current_folder() -> None:
    """Let imports find the user's own modules; last, so that they hide no library."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


def _imported(path: Path, root: Path) -> ModuleType:
    parts = path.relative_to(root).with_suffix("").parts
    packaged = len(parts) > 1 and all(part.isidentifier() for part in parts)
    doing = f"importing {'/'.join(parts)}.py"
    with (
        boundary("environment", doing, f"run: python {path}"),
        warning_filters_kept(),
        _searched_first([path.parent, root]),
    ):
        return importlib.import_module(".".join(parts)) if packaged else _import_alone(path)


@contextmanager
def warning_filters_kept() -> Iterator[None]:
    """Undo what importing a package does to the filters of warnings.

    A filter of a package that turns warnings into errors would stop our libraries, too.
    """
    before = list(warnings.filters)
    try:
        yield
    finally:
        if warnings.filters != before:  # not catch_warnings: it would show each warning again
            warnings.filters[:] = before  # type: ignore[index]


def _import_alone(path: Path) -> ModuleType:
    """Import a file under a name that is unique; a relative import finds the files beside it."""
    package = f"_rewardsmith_task_{_digest(str(path.parent).encode())}"
    name = f"{package}.{path.stem}_{_digest(path.read_bytes())}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be imported", "it must be a Python file")
    sys.modules.setdefault(package, _package(package, path.parent))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _package(name: str, folder: Path) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    return package


@contextmanager
def _searched_first(folders: Sequence[Path]) -> Iterator[None]:
    """Let imports find the modules of these folders, and forget other tasks' of the same names."""
    importlib.invalidate_caches()
    names = {entry.stem for folder in folders for entry in folder.iterdir()}
    others = _SEARCHED.difference(folders)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in names and file and not others.isdisjoint(Path(file).parents):
            del sys.modules[name]
    _SEARCHED.update(folders)
    places = list(dict.fromkeys(map(str, folders)))
    sys.path[:0] = places
    try:
        yield
    finally:
        for place in places:  # the file may have changed the path itself
            if place in sys.path:
                sys.path.remove(place)
            if place not in sys.path:
                sys.path.append(place)
