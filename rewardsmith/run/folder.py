"""The folder of a run: the path of each file, and its content.

Files are written whole or not at all; nothing is derived from the time they were written.
"""

from __future__ import annotations

import dataclasses
import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from pydantic import BaseModel, TypeAdapter

from rewardsmith.episodes.bank import Bank, load_bank
from rewardsmith.episodes.files import TRANSITIONS, load_episodes
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.errors import RunError, UsageError
from rewardsmith.journal import disk_error
from rewardsmith.learned.model import RewardModel
from rewardsmith.llm.prompts import Prompts
from rewardsmith.program import CheckedProgram, Lineage, Program, Verdict
from rewardsmith.run.config import Manifest, RunConfig, TrainConfig
from rewardsmith.run.event_log import EventLog
from rewardsmith.run.judgements import PREFLIGHT
from rewardsmith.run.lock import in_use, lock
from rewardsmith.run.outcomes import TrialKey
from rewardsmith.run.records import AuditRecord, ExploitRecord, ScreenRecord
from rewardsmith.run.trial_folder import TrialFolder, TrialName
from rewardsmith.run.trials import JOB, PROGRESS, TrialProgress, read_progress
from rewardsmith.task.loading import Task, load_task
from rewardsmith.types import Columns, Episode

SCHEMA = 1
GIVEN = "given.npz"  # in the bank of a run: the episodes that the user gave
MANIFEST = "run.json"
TRAIN_MANIFEST = "train.json"  # in its place in the result of rewardsmith train
REPORT = "report.html"
SEGMENTS, FITTED = "segments.npz", "fit.json"  # in the folder of a learned reward
# in a program's folder
_SOURCE_FILE = "program.py"
_VERDICT_FILE = "findings.json"
_LINEAGE_FILE = "lineage.json"
_LEARNED_FILE = "learned.json"
_SCREEN_FILE = "screen.json"
_AUDIT_FILE = "subgoals.json"
_EXPLOIT_FILE = "exploit.json"
_VERDICT = TypeAdapter(Verdict)
_LINEAGE = TypeAdapter(Lineage)


class RunFolder:
    """A run on disk, or the result of ``rewardsmith train``, which has the same layout."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def name(self) -> str:
        """The folder's name, by which commands ask for the run."""
        return self.path.name

    @property
    def kind(self) -> Literal["run", "train"]:
        """Whether it is a run or the result of ``rewardsmith train``."""
        return "train" if (self.path / TRAIN_MANIFEST).exists() else "run"

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
        """Recorded episodes and transitions, on which programs are checked and screened."""
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

    def trial(self, trial: TrialName) -> TrialFolder:
        """What one training of a program left behind."""
        return TrialFolder(self.trial_folder(trial.program, trial.rung, trial.seed))

    def trial_at(self, key: TrialKey) -> TrialFolder:
        """What the training of this key left behind."""
        program, seed, rung = key
        return TrialFolder(self.trial_folder(program, rung, seed))

    def episodes_of(self, trial: TrialKey) -> list[Episode]:
        """The episodes of a finished trial, or of a policy of the preflight.

        Those of a trial are its evaluation episodes, then those recorded along its training.

        Args:
            trial: of a preflight, the policy's name, 0, and ``preflight``.
        """
        program, _, rung = trial
        return self.recorded(program) if rung == PREFLIGHT else self.trial_at(trial).recorded()

    def learning_folder(self, round_number: int) -> Path:
        """Where the fit of a reward to judgements lies."""
        return self.path / "learned" / f"round-{round_number}"

    def unfinished_trials(self) -> list[TrialProgress]:
        """Trials that were begun and have no result yet, with how far each is."""
        reported = self._reported_progress()
        found = []
        for path in sorted(self.path.glob(f"programs/*/trials/*/{JOB}")):
            trial = TrialFolder(path.parent)
            job = trial.job()
            if job is not None and trial.result() is None:
                found.append(reported.get(job.key, job.progress()))
        return found

    def _reported_progress(self) -> dict[tuple[str, int, str], TrialProgress]:
        """What the training calls reported last, by trial."""
        found = {}
        for path in self.path.glob(f"programs/*/trials/*/{PROGRESS}"):
            for trial in read_progress(path.parent) or ():
                found[trial.key] = trial
        return found

    def has_program(self, program: str) -> bool:
        """Whether a program was checked and written."""
        return (self.program_folder(program) / _VERDICT_FILE).exists()

    def program(self, program: str) -> CheckedProgram:
        """A program with its verdict.

        Raises:
            OSError: the program was not written.
            ValueError: its verdict cannot be read.
        """
        folder = self.program_folder(program)
        source = (folder / _SOURCE_FILE).read_text(encoding="utf-8")
        verdict = _VERDICT.validate_json((folder / _VERDICT_FILE).read_text(encoding="utf-8"))
        return CheckedProgram(program, source, verdict, _read(folder / _LEARNED_FILE, RewardModel))

    def write_program(self, program: CheckedProgram) -> None:
        """Write a program; its verdict comes last, see :meth:`has_program`.

        Raises:
            RunError: the disk is full or read-only.
        """
        folder = self.program_folder(program.id)
        verdict = json.dumps(dataclasses.asdict(program.verdict), indent=1)
        write_whole(folder / _SOURCE_FILE, program.source.rstrip() + "\n")
        if program.learned is not None:
            _write(folder / _LEARNED_FILE, program.learned)
        write_whole(folder / _VERDICT_FILE, verdict + "\n")

    def lineage(self, program: str) -> Lineage:
        """Where a program comes from."""
        path = self.program_folder(program) / _LINEAGE_FILE
        return _LINEAGE.validate_json(path.read_text(encoding="utf-8"))

    def write_lineage(self, program: Program) -> None:
        """Write where a program comes from.

        Raises:
            RunError: the disk is full or read-only.
        """
        lineage = Lineage(program.id, program.slot, program.parents, program.reply)
        path = self.program_folder(program.id) / _LINEAGE_FILE
        write_whole(path, json.dumps(dataclasses.asdict(lineage), indent=1) + "\n")

    def transitions(self) -> Columns:
        """Transitions of a random policy: argument -> (n, ...)."""
        with np.load(self.bank / TRANSITIONS, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def screen(self, program: str) -> ScreenRecord | None:
        """The screening of a program; None where there was none, or too little contrast for one."""
        return _read(self.program_folder(program) / _SCREEN_FILE, ScreenRecord)

    def write_screen(self, program: str, record: ScreenRecord) -> None:
        """Write the screening of a program.

        Raises:
            RunError: the disk is full or read-only.
        """
        _write(self.program_folder(program) / _SCREEN_FILE, record)

    def audit(self, program: str) -> AuditRecord | None:
        """The audit of a program's subgoals; None where there was none."""
        return _read(self.program_folder(program) / _AUDIT_FILE, AuditRecord)

    def write_audit(self, program: str, record: AuditRecord) -> None:
        """Write the audit of a program's subgoals.

        Raises:
            RunError: the disk is full or read-only.
        """
        _write(self.program_folder(program) / _AUDIT_FILE, record)

    def exploit_episode(self, program: str) -> Path:
        """The file of the failure that a program prefers to success; it may not exist."""
        return self.program_folder(program) / "exploit.npz"

    def exploit(self, program: str) -> ExploitRecord | None:
        """The exploit of a program; None where none is known."""
        return _read(self.program_folder(program) / _EXPLOIT_FILE, ExploitRecord)

    def write_exploit(self, program: str, record: ExploitRecord) -> None:
        """Write the exploit of a program.

        Raises:
            RunError: the disk is full or read-only.
        """
        _write(self.program_folder(program) / _EXPLOIT_FILE, record)

    def preflight(self) -> Preflight:
        """What the preflight wrote.

        Raises:
            RunError: the file cannot be read.
        """
        path = self.bank / "preflight.json"
        try:
            return Preflight.model_validate_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise disk_error(path, error) from error

    def given_bank(self) -> Bank | None:
        """The episodes that the run was given."""
        path = self.bank / GIVEN
        return load_bank(path) if path.exists() else None

    def recorded(self, origin: str) -> list[Episode]:
        """Episodes of the preflight, see :data:`rewardsmith.run.bank.RANDOM_POLICIES`."""
        path = self.bank / f"{origin}.npz"
        return load_episodes(path) if path.exists() else []

    def events(self) -> EventLog:
        """The run's log.

        Raises:
            RunError: it is corrupt.
        """
        return EventLog(self.path / "events.jsonl")

    def manifest(self) -> Manifest:
        """``run.json``, or ``train.json``.

        Raises:
            RunError: there is none, or it cannot be read, or a newer version wrote it.
        """
        path = self.path / (MANIFEST if self.kind == "run" else TRAIN_MANIFEST)
        try:
            content: Manifest = json.loads(path.read_text(encoding="utf-8"))
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
        """What the run was asked to do.

        Raises:
            RunError: it cannot be read.
            UsageError: it is the result of ``rewardsmith train``.
        """
        asked = self.asked()
        if isinstance(asked, TrainConfig):
            raise expected_a_run(self.name)
        return asked

    def asked(self) -> RunConfig | TrainConfig:
        """What the run, or ``rewardsmith train``, was asked to do.

        Raises:
            RunError: it cannot be read.
        """
        kind = RunConfig if self.kind == "run" else TrainConfig
        return kind.model_validate(self.manifest()["config"])

    def task(self) -> Task:
        """The task as it was when the run began.

        Raises:
            RunError: the frozen copy was changed since.
        """
        task = load_task(self.task_folder)
        task = Task(self.asked().task, task.spec, task.folder)
        if task.digest != self.manifest()["task_digest"]:
            raise RunError(
                f"{self.task_folder} was changed since the run began",
                "restore it, or start a new run",
            )
        return task

    def prompts(self) -> Prompts:
        """The prompts as they were when the run began."""
        return Prompts(self.prompts_folder)

    def lock(self) -> AbstractContextManager[None]:
        """Be the one writer, see :func:`rewardsmith.run.lock.lock`."""
        return lock(self.path)

    @property
    def in_use(self) -> bool:
        """Whether a process is writing the run now."""
        return in_use(self.path)


def expected_a_run(name: str) -> UsageError:
    """The error of a command that takes a run and was given a result of ``rewardsmith train``."""
    return UsageError(
        f"{name} is the result of rewardsmith train, expected a run",
        "rewardsmith show and rewardsmith compare take it",
    )


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


_Record = TypeVar("_Record", bound=BaseModel)


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    return kind.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None


def _write(path: Path, record: BaseModel) -> None:
    write_whole(path, record.model_dump_json(indent=1) + "\n")
