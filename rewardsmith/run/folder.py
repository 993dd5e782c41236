"""The run folder: where everything lies, who may write, and what it was made with.

One writer at a time: the lock is the operating system's and ends with its holder, so a killed run
leaves none behind. Files are written whole or not at all; nothing is derived from the time they
were written.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rewardsmith.episodes.bank import Bank, save_bank
from rewardsmith.errors import RunError, did_you_mean
from rewardsmith.journal import disk_error
from rewardsmith.llm.prompts import Prompts
from rewardsmith.run.config import RunConfig
from rewardsmith.run.event_log import EventLog
from rewardsmith.task.loading import Task, load_task

SCHEMA = 1
GIVEN = "given.npz"  # in the bank of a run: what was known from the beginning
REPORT = "report.html"
_PACKAGES = (
    "rewardsmith",
    "gymnasium",
    "stable-baselines3",
    "torch",
    "numpy",
    "openai",
    "anthropic",
)


class RunFolder:
    """A run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def name(self) -> str:
        """The folder's name, by which commands ask for the run."""
        return self.path.name

    @property
    def task_folder(self) -> Path:
        """The frozen task."""
        return self.path / "task"

    @property
    def prompts_folder(self) -> Path:
        """The frozen prompts."""
        return self.path / "prompts"

    @property
    def bank(self) -> Path:
        """Recorded behaviour that programs are checked and judged on."""
        return self.path / "bank"

    @property
    def llm_log(self) -> Path:
        """Requests and replies."""
        return self.path / "llm.jsonl"

    @property
    def export_folder(self) -> Path:
        """What came out."""
        return self.path / "export"

    def program_folder(self, program: str) -> Path:
        """Where a program, its findings and its trials lie."""
        return self.path / "programs" / program

    def trial_folder(self, program: str, rung: str, seed: int) -> Path:
        """Where one training of a program lies."""
        return self.program_folder(program) / "trials" / f"{rung}-s{seed}"

    def program_source(self, program: str) -> str:
        """The source of a program as the writer wrote it."""
        return (self.program_folder(program) / "program.py").read_text(encoding="utf-8")

    def events(self) -> EventLog:
        """The run's log.

        Raises:
            RunError: it is corrupt.
        """
        return EventLog(self.path / "events.jsonl")

    def manifest(self) -> dict[str, Any]:
        """``run.json``.

        Raises:
            RunError: there is none, or it cannot be read, or a newer version wrote it.
        """
        path = self.path / "run.json"
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(
                f"{self.path} is not a run", "list the runs with: rewardsmith list"
            ) from None
        except (OSError, json.JSONDecodeError) as error:
            raise RunError(
                f"{path} cannot be read: {error}", "restore it, or start a new run"
            ) from None
        if content.get("schema", 0) > SCHEMA:
            raise RunError(f"{self.name} was written by a newer rewardsmith", "upgrade rewardsmith")
        return content

    def config(self) -> RunConfig:
        """What the run was asked to do."""
        return RunConfig.model_validate(self.manifest()["config"])

    def task(self) -> Task:
        """The task as it was when the run began.

        Raises:
            RunError: the frozen copy was changed since.
        """
        manifest = self.manifest()
        task = load_task(self.task_folder)
        task = Task(manifest["config"]["task"], task.spec, task.folder)
        if task.digest != manifest["task_digest"]:
            raise RunError(
                f"{self.task_folder} was changed since the run began",
                "restore it, or start a new run",
            )
        return task

    def prompts(self) -> Prompts:
        """The prompts as they were when the run began."""
        return Prompts(self.prompts_folder)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one writer.

        Raises:
            RunError: another process is, or the folder cannot be written.
        """
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise disk_error(self.path, error) from None
        try:
            if not _take(descriptor):
                holder = (
                    os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                    or "another process"
                )
                raise RunError(
                    f"{self.name} is in use by process {holder}", "wait for it, or end it"
                )
            try:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            except OSError as error:  # the disk is full
                raise disk_error(self.path, error) from None
            yield
        finally:
            os.close(descriptor)


def in_use(run: RunFolder) -> bool:
    """Whether a process is writing the run now."""
    try:
        descriptor = os.open(run.path / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(descriptor)
    finally:
        os.close(descriptor)


def create_run(
    parent: Path,
    config: RunConfig,
    task: Task,
    prompts: Prompts,
    sandbox: dict[str, Any],
    files: Mapping[str, str] | None = None,
    bank: Bank | None = None,
) -> RunFolder:
    """Make a run's folder with the frozen task and prompts; its manifest comes last and makes it a run.

    Args:
        files: name -> text of what else the run needs, e.g. recorded replies.
        bank: behaviour that is known from the beginning.

    Raises:
        RunError: the folder cannot be made.
    """
    run = RunFolder(parent / f"{config.task}-{config.strategy}-{uuid.uuid4().hex[:8]}")
    try:
        run.path.mkdir(parents=True)
        task.freeze(run.task_folder)
        prompts.freeze(run.prompts_folder, config.strategy)
        for name, text in (files or {}).items():
            write_whole(run.path / name, text)
        if bank is not None:
            run.bank.mkdir()
            save_bank(run.bank / GIVEN, bank)
        write_whole(
            run.path / "run.json", json.dumps(_manifest(run, config, sandbox), indent=1) + "\n"
        )
    except (OSError, RunError) as error:
        shutil.rmtree(run.path, ignore_errors=True)  # half a folder cannot be resumed
        message = (
            error.message if isinstance(error, RunError) else disk_error(run.path, error).message
        )
        raise RunError(
            message, "make room or choose another folder, then begin again: nothing was spent"
        ) from error
    return run


def open_run(name: str | Path, parent: Path = Path("runs")) -> RunFolder:
    """A run by its path, or by its name or the end of it below ``parent``.

    Raises:
        RunError: there is no such run, or several fit.
    """
    if (Path(name) / "run.json").is_file():
        return RunFolder(Path(name))
    runs = list_runs(parent)
    fitting = [run for run in runs if run.name == str(name) or run.name.endswith(f"-{name}")]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise RunError(f"{len(fitting)} runs end in {str(name)!r}", "give the whole name")
    raise RunError(
        f"there is no run {str(name)!r} in {parent}",
        did_you_mean(str(name), [run.name for run in runs]),
    )


def list_runs(parent: Path = Path("runs")) -> list[RunFolder]:
    """The runs in a folder, newest last."""
    manifests = sorted(
        parent.glob("*/run.json"), key=lambda path: (path.stat().st_mtime, path.parent.name)
    )
    return [RunFolder(path.parent) for path in manifests]


def write_whole(path: Path, content: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        RunError: the disk is full or read-only.
    """
    staging = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging.unlink(missing_ok=True)  # in a trial's folder a trainer may have left a link there
        staging.write_text(content, encoding="utf-8")
        staging.replace(path)
    except OSError as error:
        raise disk_error(path, error) from error


def _manifest(run: RunFolder, config: RunConfig, sandbox: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config.model_dump(mode="json"),
        "config_digest": config.digest,
        "task_digest": load_task(run.task_folder).digest,
        "prompts_digest": Prompts(run.prompts_folder).digest,
        "sandbox": sandbox,
        "python": sys.version.split()[0],
        "versions": {name: _version(name) for name in _PACKAGES},
        "git": _git_revision(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """Revision of the folder that the run was started from; None outside a repository."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _take(descriptor: int) -> bool:
    """Whether the lock on an open file could be taken."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
