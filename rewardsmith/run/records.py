"""Read what lies in a run's folder: verdicts, curves, screens, audits, films."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from rewardsmith.errors import RunError
from rewardsmith.journal import disk_error
from rewardsmith.program import NATIVE, Verdict
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState, TrialKey, TrialState
from rewardsmith.run.trials import FILM, PROGRESS, TrialJob, TrialProgress, read_progress
from rewardsmith.types import Columns

_VERDICT = TypeAdapter(Verdict)


def read_verdict(run: RunFolder, program: str) -> Verdict:
    """The verdict of a program of this run."""
    return _VERDICT.validate_json(
        (run.program_folder(program) / "findings.json").read_text(encoding="utf-8")
    )


def seal_of(run: RunFolder, program: str) -> str:
    """Digest of a program and its verdict as they lie on disk; kept in the event log, which only the engine writes.

    Of the verdict it holds what decides, and nothing that was timed: it is the same in every run.
    """
    verdict = read_verdict(run, program)
    decides = {
        "stage": verdict.stage,
        "level": verdict.level,
        "style": verdict.style,
        "entries": {name: dataclasses.asdict(entry) for name, entry in verdict.entries.items()},
        "findings": [(found.code, found.severity, found.line) for found in verdict.findings],
    }
    content = [run.program_source(program), json.dumps(decides, sort_keys=True)]
    return hashlib.sha256("\0".join(content).encode()).hexdigest()[:32]


def check_seal(run: RunFolder, state: RunState, program: str) -> None:
    """Make sure that a program is still what was judged.

    Raises:
        RunError: it, or its verdict, was changed since.
    """
    seal = state.seals.get(program)
    try:
        broken = seal is not None and seal_of(run, program) != seal
    except ValueError:  # no verdict any more
        broken = True
    except OSError as error:
        raise disk_error(run.program_folder(program), error) from error
    if broken:
        message = f"{run.program_folder(program)} was changed since it was judged"
        raise RunError(message, "restore program.py and findings.json, or start a new run")


def load_transitions(run: RunFolder) -> Columns:
    """Real transitions of random behaviour: argument -> (n, ...)."""
    with np.load(run.bank / "transitions.npz", allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


SCREEN = "screen.json"  # in a program's folder


def read_screen(run: RunFolder, program: str) -> dict[str, Any] | None:
    """What screening found out about a program; None where it was not screened, or had nothing to be held against."""
    path = run.program_folder(program) / SCREEN
    found: dict[str, Any] | None = (
        json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    )
    return found


AUDIT = "subgoals.json"  # in a program's folder


def read_audit(run: RunFolder, program: str) -> dict[str, Any] | None:
    """What the audit found about a program's subgoals; None where there was none."""
    path = run.program_folder(program) / AUDIT
    found: dict[str, Any] | None = (
        json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    )
    return found


def read_curve(run: RunFolder, program: str, rung: str, seed: int) -> list[dict[str, float | None]]:
    """The curve of a trial; empty cells are None. An unfinished last line of a running trial is left out."""
    path = run.trial_folder(program, rung, seed) / "curve.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return [
            {key: float(value) if value else None for key, value in row.items()} for row in rows
        ]
    except (ValueError, TypeError):
        return [
            {key: float(value) if value else None for key, value in row.items()}
            for row in rows[:-1]
        ]


def shipped_trial(state: RunState, program: str) -> TrialState:
    """The trial whose policy is shipped: the one that earned most of the program's own reward, never the fittest."""
    rungs = (state.trials_of(program, rung) for rung in ("report", "selection"))
    finished = next(
        done for trials in rungs if (done := [t for t in trials if t.own_return is not None])
    )
    return max(finished, key=lambda trial: (trial.own_return, -trial.seed))


def shown_trial(state: RunState, program: str) -> TrialState | None:
    """The trial whose policy stands for a program: the shipped one; of the native reward the first of the report."""
    if program != NATIVE:
        return shipped_trial(state, program)
    return next(
        (trial for trial in state.trials_of(NATIVE, "report") if trial.status == "finished"), None
    )


def film_of(run: RunFolder, trial: TrialState) -> Path | None:
    """The film of a trial, if there is one."""
    path = run.trial_folder(trial.program, trial.rung, trial.seed) / FILM
    return path if path.exists() else None


def unfinished_trials(run: RunFolder) -> list[TrialProgress]:
    """Trials that were begun and have no result yet, with how far each is."""
    reported = _reported_progress(run)
    found = []
    for path in sorted(run.path.glob("programs/*/trials/*/job.json")):
        if (path.parent / "result.json").exists():
            continue
        job = TrialJob.model_validate_json(path.read_text(encoding="utf-8"))
        found.append(reported.get(job.key, job.progress()))
    return found


def _reported_progress(run: RunFolder) -> dict[TrialKey, TrialProgress]:
    """What training calls reported last, by trial."""
    found = {}
    for path in run.path.glob(f"programs/*/trials/*/{PROGRESS}"):
        for trial in read_progress(path.parent) or ():
            found[trial.key] = trial
    return found
