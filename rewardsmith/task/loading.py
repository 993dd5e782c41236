"""Load tasks from names and folders, and write the frozen copy that every run keeps."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rewardsmith.assets import asset_folder
from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.plugins import Registry
from rewardsmith.task.algorithms import ALGORITHMS, proper_name
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.files import TASK_FILE, files_of
from rewardsmith.task.modules import import_file
from rewardsmith.task.parsing import parse_spec
from rewardsmith.task.spec import TaskSpec
from rewardsmith.task.training import TrainingSpec

# Another package adds a task by an entry point: its name, and an attribute that holds the path of
# its folder.
PLUGINS = Registry("task", {}, "rewardsmith.tasks")
# Read by benchmarks and by --use-expert only: neither the writer nor a run's digest may depend on
# them.
YARDSTICKS = ("expert.py", "recorded_replies.json")


@dataclass(frozen=True)
class Task:
    """A goal, an environment and a fitness: everything that a run needs to know.

    Attributes:
        name: the folder's name, or one made from the environment id.
        folder: the folder of ``task.toml`` and its Python files, or of the environment's file; None
            for a task made from an environment id.
        parts: the files of the folder that belong to the task; None for all.
    """

    name: str
    spec: TaskSpec
    folder: Path | None = None
    parts: tuple[Path, ...] | None = None

    @property
    def goal(self) -> str:
        """What the agent must achieve, in words."""
        return self.spec.goal

    @property
    def env_id(self) -> str:
        """The id under which ``gymnasium.make`` or an import finds the environment."""
        return self.spec.env.id

    @property
    def offered_fields(self) -> tuple[FieldSpec, ...]:
        """The fields that programs may read."""
        return tuple(field for field in self.spec.fields if not field.hidden)

    @cached_property
    def digest(self) -> str:
        """Digest of everything that can change a result: the spec and the folder's other files.

        Defaults of the spec are left out, so that a key which a later version adds changes no
        digest.
        """
        return self._digest()

    @property
    def measure_digest(self) -> str:
        """Digest of what decides the fitness of a policy: fitness with equal digests is comparable.

        The words for the writer and the training defaults are left out.
        """
        return self._digest({"goal", "naive", "training"})

    def _digest(self, without: Set[str] = frozenset()) -> str:
        spec = self.spec.model_dump(mode="json", exclude_defaults=True, exclude=set(without))
        content = hashlib.sha256(json.dumps(spec, sort_keys=True).encode())
        for file in self.files():
            content.update(self._within(file).encode() + b"\0" + file.read_bytes())
        return content.hexdigest()[:16]

    def files(self) -> list[Path]:
        """The task's code and data, sorted: all files except ``task.toml`` and the yardsticks."""
        if self.folder is None:
            return []
        found = files_of(self.folder) if self.parts is None else self.parts
        return [file for file in found if self._within(file) not in {TASK_FILE, *YARDSTICKS}]

    def _within(self, file: Path) -> str:
        assert self.folder is not None
        return file.relative_to(self.folder).as_posix()

    def function(self, file: str, name: str) -> Any:
        """An object from one of the folder's Python files.

        Raises:
            UsageError: the task has no folder, or no such file, or the file no such name.
            BoundaryError: the file raises when it is imported.
        """
        if self.folder is None:
            raise UsageError(
                f"{file}:{name} needs a task folder",
                f"make one with: rewardsmith tasks new {self.env_id}",
            )
        path = self.folder / file
        if not path.is_file():
            raise UsageError(f"{path} does not exist", f"create it, with a function {name!r}")
        module = import_file(path, self.folder)
        if not hasattr(module, name):
            raise UsageError(f"{path} has no {name!r}", did_you_mean(name, vars(module)))
        return getattr(module, name)

    def with_training(self, changes: Mapping[str, Any]) -> Task:
        """The same task with other training defaults, validated again; nested tables are merged.

        Another algorithm keeps the hyper-parameters only if they suit it, see
        :meth:`TrainingSpec.switched_to`.

        Raises:
            UsageError: the changed training is not valid.
        """
        data = self.spec.model_dump(mode="json")
        before = self._switched(changes.get("algorithm")).model_dump(mode="json")
        tables = {
            "hyperparameters": {**before["hyperparameters"], **changes.get("hyperparameters", {})},
            "shaping": _merged(before["shaping"], changes.get("shaping", {})),
        }
        data["training"] = {**before, **changes, **tables}
        return replace(self, spec=parse_spec(data, f"task {self.name}"))

    def _switched(self, algorithm: object) -> TrainingSpec:
        """The training with another algorithm; unchanged if it is unknown, which is found later."""
        training = self.spec.training
        name = proper_name(algorithm) if isinstance(algorithm, str) else training.algorithm
        if name == training.algorithm or name not in ALGORITHMS.names():
            return training
        return training.switched_to(name)

    def copy_files(self, folder: Path) -> None:
        """Copy the task's code and data into a new folder."""
        files = self.files()
        folder.mkdir(parents=True)
        for file in files:
            target = folder / self._within(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)

    def freeze(self, folder: Path) -> None:
        """Write a copy of the task into a new folder, for :func:`load_task`."""
        import tomli_w

        self.copy_files(folder)
        content = self.spec.model_dump(mode="json", exclude_none=True)
        (folder / TASK_FILE).write_text(tomli_w.dumps(content), encoding="utf-8")


def _merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A table with changes, tables in it merged too."""
    inner = {
        name: _merged(table[name], value)
        for name, value in changes.items()
        if isinstance(value, Mapping) and isinstance(table.get(name), Mapping)
    }
    return {**table, **changes, **inner}


def load_task(name: str | Path, goal: str | None = None) -> Task:
    """Load a task by its name, a shipped one or a plugin's, or from a folder.

    Args:
        goal: replaces the task's own goal.

    Raises:
        UsageError: there is no such task, or its file is invalid.

    Example:
        task = rs.load_task("mountain-car")
        task.goal, task.env_id
    """
    folder = Path(name)
    if not (folder / TASK_FILE).is_file():
        folder = asset_folder("tasks") / str(name)
    if not (folder / TASK_FILE).is_file() and str(name) in PLUGINS.names():
        folder = Path(PLUGINS.get(str(name)))
    if not (folder / TASK_FILE).is_file():
        raise UsageError(f"there is no task {str(name)!r}", did_you_mean(str(name), known_tasks()))
    path = folder / TASK_FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}", "fix the line that is named"
        ) from None
    if goal is not None:
        data["goal"] = goal
    folder = folder.resolve()
    return Task(folder.name, parse_spec(data, str(path)), folder)


def shipped_tasks() -> list[str]:
    """Names of the tasks that are shipped with rewardsmith."""
    return sorted(folder.parent.name for folder in asset_folder("tasks").glob(f"*/{TASK_FILE}"))


def known_tasks() -> list[str]:
    """Names of all tasks: the shipped ones, and those of other packages."""
    return sorted({*shipped_tasks(), *PLUGINS.names()})
