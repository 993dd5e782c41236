"""Import the Python files of a task, with the modules and packages beside them.

The folder of the task is searched first, as the folder of a script is. A file at its top is
imported under a name of our own, once per content; one in a package, under its own name.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from rewardsmith.errors import UsageError, boundary

_SEARCHED: set[Path] = set()  # registry of the folders whose modules were imported for a task


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
    _search_first(list(dict.fromkeys([path.parent, root])))
    parts = path.relative_to(root).with_suffix("").parts
    packaged = len(parts) > 1 and all(part.isidentifier() for part in parts)
    with boundary("environment", f"importing {'/'.join(parts)}.py", f"run: python {path}"):
        return importlib.import_module(".".join(parts)) if packaged else _import_alone(path)


def search_current_folder() -> None:
    """Let imports find the user's own modules; last, so that they hide no library."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


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


def _search_first(folders: Sequence[Path]) -> None:
    """Let imports search these folders first, and forget other tasks' modules of their names."""
    importlib.invalidate_caches()
    names = {entry.stem for folder in folders for entry in folder.iterdir()}
    others = _SEARCHED.difference(folders)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in names and file and not others.isdisjoint(Path(file).parents):
            del sys.modules[name]
    for folder in reversed(folders):
        if str(folder) in sys.path:
            sys.path.remove(str(folder))
        sys.path.insert(0, str(folder))
    _SEARCHED.update(folders)
