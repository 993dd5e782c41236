"""The protocol of an executor: what a call is, what it needs, and where it runs.

A call names the folders that it reads and writes relative to one root. An executor on another
machine copies these folders there, carries the call out, and copies the written ones back.
"""

from __future__ import annotations

import inspect
import io
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from rewardsmith.errors import UsageError
from rewardsmith.plugins import Registry
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.trials import TrialProgress, read_progress


@dataclass(frozen=True)
class Resources:
    """What a call needs while it runs.

    Attributes:
        cores: processor cores.
        gpus: GPUs; 0.25 lets four calls share one, 0 keeps the call off every GPU. With None the
            call sees all GPUs and is not counted.
        memory_mb: main memory in MB; 0 is not counted.

    Example:
        rs.design("mountain-car", needs=rs.Resources(gpus=0.25))  # four trainings share a GPU
    """

    cores: float = 1.0
    gpus: float | None = None
    memory_mb: int = 0


ONE_CORE = Resources()


@dataclass(frozen=True)
class Call:
    """One piece of work for a process: a function of :mod:`rewardsmith.engine.workers.calls`.

    Attributes:
        name: of the function, e.g. ``train``.
        root: folder of this machine that the other paths start from. Everything else of the call
            is the same on every machine.
        reads: folders that it only reads; the first is the frozen task.
        writes: folders that it reads and writes. A training of several trials names one for each.
        log: file that takes its output.
        needs: what it needs while it runs.
        arguments: further arguments, plain JSON.
    """

    name: str
    root: Path
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    log: str
    needs: Resources = ONE_CORE
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> Path:
        """Folder of the frozen task."""
        return self.root / self.reads[0]

    @property
    def folders(self) -> list[Path]:
        """The folders that it writes, on this machine."""
        return [self.root / name for name in self.writes]

    @property
    def log_path(self) -> Path:
        """The file that takes its output, on this machine."""
        return self.root / self.log

    def copied_to(self, root: Path) -> Call:
        """Copy what it reads and writes below another root; returns the call that runs there."""
        _copy((*self.reads, *self.writes), self.root, root)
        (root / self.log).parent.mkdir(parents=True, exist_ok=True)
        return replace(self, root=root)

    def take_results(self, root: Path) -> None:
        """Copy what it wrote below another root back to its own."""
        _copy(self.writes, root, self.root)
        if (root / self.log).exists():
            shutil.copyfile(root / self.log, self.log_path)

    def to_json(self) -> str:
        """The call as one line of JSON."""
        return json.dumps(
            asdict(self) | {"root": str(self.root), "arguments": dict(self.arguments)}
        )

    @classmethod
    def from_json(cls, text: str) -> Call:
        """Read what :meth:`to_json` wrote."""
        data = json.loads(text)
        return cls(
            name=data["name"],
            root=Path(data["root"]),
            reads=tuple(data["reads"]),
            writes=tuple(data["writes"]),
            log=data["log"],
            needs=Resources(**data["needs"]),
            arguments=data["arguments"],
        )


def trial_call(
    run: RunFolder, name: str, folders: Sequence[Path], log: str, needs: Resources = ONE_CORE
) -> Call:
    """A call on trials of a run.

    Args:
        folders: of the trials.
        log: name of the file in the first folder that takes the output.
    """
    root = run.path.resolve()
    writes = tuple(folder.resolve().relative_to(root).as_posix() for folder in folders)
    return Call(name, root, (run.task_folder.name,), writes, f"{writes[0]}/{log}", needs)


def preflight_call(
    run: RunFolder, wanted: Sequence[str] = (), also: str | None = None, needs: Resources = ONE_CORE
) -> Call:
    """The call that checks the task of a run, see :mod:`rewardsmith.train.preflight`."""
    return Call(
        name="preflight",
        root=run.path.resolve(),
        reads=(run.task_folder.name,),
        writes=(run.bank.name,),
        log="preflight.log",
        needs=needs,
        arguments={"wanted": list(wanted), "also": also},
    )


def _copy(names: Sequence[str], source: Path, target: Path) -> None:
    for name in names:
        if (source / name).exists():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)


def packed(root: Path, names: Sequence[str]) -> bytes:
    """Folders and files below a root as bytes; those that do not exist are left out."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in names:
            if (root / name).exists():
                archive.add(root / name, name)
    return content.getvalue()


def unpack(content: bytes, root: Path) -> None:
    """Write what :func:`packed` made below another root; nothing is written outside of it."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(root, filter="data")


@runtime_checkable
class Executor(Protocol):
    """Carries out calls in other processes, of this machine or of others.

    Registered under the entry-point group ``rewardsmith.executors`` as a callable that takes the
    number of calls to run side by side, or None for as many as there is room for; and, if it can
    be reached at an address, that as ``address``.
    """

    @property
    def workers(self) -> int:
        """Calls of one core that run side by side, from 1."""

    def submit(self, call: Call) -> Future[None]:
        """Start a call. When the future is done, the call's folders hold what it wrote.

        The future raises what the call raised if that is an error of rewardsmith, and
        BoundaryError(where="trainer") if its process died.

        Raises:
            UsageError: the call needs more than there is.
        """

    def progress(self, call: Call) -> Sequence[TrialProgress] | None:
        """How far the trials of a training are; None where that is not known yet."""

    def close(self) -> None:
        """End all calls that are still running."""


EXECUTORS = Registry(
    "executor",
    {
        "local": "rewardsmith.engine.workers.local:LocalExecutor",
        "ray": "rewardsmith.engine.workers.ray:RayExecutor",
    },
    "rewardsmith.executors",
)


@dataclass(frozen=True)
class Execution:
    """Where the calls of a run are carried out.

    Attributes:
        executor: an executor, or its name, which an address may follow: ``ray:10.0.0.7:6379``.
        workers: calls that run side by side, for an executor that is opened by name.
        needs: what each training needs.
    """

    executor: str | Executor = "local"
    workers: int | None = None
    needs: Resources = ONE_CORE

    @contextmanager
    def opened(self, exclusive: bool = False) -> Iterator[Executor]:
        """The executor; one that is opened by name is closed at the end.

        Args:
            exclusive: no two calls may run side by side, because they share a simulator.

        Raises:
            UsageError: there is no executor of that name, or it takes no address.
        """
        if not isinstance(self.executor, str):
            yield self.executor
            return
        name, _, address = self.executor.partition(":")
        make, given = EXECUTORS.get(name), {"address": address} if address else {}
        if address and "address" not in inspect.signature(make).parameters:
            raise UsageError(
                f"the executor {name!r} takes no address, found {address!r}", f"--executor {name}"
            )
        executor: Executor = make(1 if exclusive else self.workers, **given)
        try:
            yield executor
        finally:
            executor.close()


HERE = Execution()


def progress_on_disk(call: Call) -> Sequence[TrialProgress] | None:
    """What a call that runs on this machine reported last; see :meth:`Executor.progress`."""
    return read_progress(call.folders[0])
