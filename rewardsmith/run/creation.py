"""Make the folder of a new run, or of ``rewardsmith train``: the frozen files, and the manifest."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rewardsmith.episodes.bank import Bank, save_bank
from rewardsmith.errors import RunError
from rewardsmith.journal import disk_error
from rewardsmith.llm.prompts import Prompts
from rewardsmith.program import CheckedProgram
from rewardsmith.run.config import Confinement, Manifest, RunConfig, TrainConfig
from rewardsmith.run.folder import (
    GIVEN,
    MANIFEST,
    SCHEMA,
    TRAIN_MANIFEST,
    RunFolder,
    write_whole,
)
from rewardsmith.task.loading import Task, load_task

_PACKAGES = (
    "rewardsmith",
    "gymnasium",
    "stable-baselines3",
    "torch",
    "numpy",
    "openai",
    "anthropic",
)


def create_run(
    parent: Path,
    config: RunConfig,
    task: Task,
    prompts: Prompts,
    sandbox: Confinement,
    files: Mapping[str, str] | None = None,
    bank: Bank | None = None,
) -> RunFolder:
    """Make the folder of a run. The manifest is written last: a folder without one is no run.

    Args:
        files: name -> text of other files of the run, e.g. recorded replies.
        bank: recorded episodes that the run starts with.

    Raises:
        RunError: the folder cannot be made.
    """
    run = RunFolder(parent / f"{config.task}-{config.strategy}-{uuid.uuid4().hex[:8]}")
    with _making(run):
        task.freeze(run.task_folder)
        prompts.freeze(run.prompts_folder, config.strategy)
        for name, text in (files or {}).items():
            write_whole(run.path / name, text)
        if bank is not None:
            run.bank.mkdir()
            save_bank(run.bank / GIVEN, bank)
        manifest = _manifest(run, config)
        manifest["config_digest"] = config.digest
        manifest["prompts_digest"] = Prompts(run.prompts_folder).digest
        manifest["sandbox"] = sandbox
        write_whole(run.path / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return run


def create_train_result(
    parent: Path, config: TrainConfig, task: Task, program: CheckedProgram
) -> RunFolder:
    """Make the folder of ``rewardsmith train``, with the task and the program.

    Raises:
        RunError: the folder cannot be made.
    """
    made = RunFolder(parent / f"train-{config.task}-{uuid.uuid4().hex[:8]}")
    with _making(made):
        task.freeze(made.task_folder)
        made.write_program(program)
        write_whole(
            made.path / TRAIN_MANIFEST, json.dumps(_manifest(made, config), indent=1) + "\n"
        )
    return made


@contextmanager
def _making(run: RunFolder) -> Iterator[None]:
    """Make a folder, and remove it if its content cannot be written."""
    try:
        run.path.mkdir(parents=True)
        yield
    except (OSError, RunError) as error:
        shutil.rmtree(run.path, ignore_errors=True)  # half a folder cannot be resumed
        message = (
            error.message if isinstance(error, RunError) else disk_error(run.path, error).message
        )
        raise RunError(
            message, "make room or choose another folder, then start again: nothing was spent"
        ) from error


def _manifest(run: RunFolder, config: RunConfig | TrainConfig) -> Manifest:
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config.model_dump(mode="json"),
        "task_digest": load_task(run.task_folder).digest,
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
