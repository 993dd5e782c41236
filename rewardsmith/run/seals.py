"""The seal of a program: a digest in the event log by which a change of its files is noticed."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from rewardsmith.errors import RunError
from rewardsmith.journal import disk_error
from rewardsmith.program import CheckedProgram
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState


def seal_of(program: CheckedProgram) -> str:
    """Digest of a program and of its verdict, as read from the run's folder.

    Of the verdict only what decides is digested, and nothing that was timed: the seal is the same
    in every run.
    """
    verdict = program.verdict
    decides = {
        "stage": verdict.stage,
        "level": verdict.level,
        "style": verdict.style,
        "entries": {name: dataclasses.asdict(entry) for name, entry in verdict.entries.items()},
        "findings": [(found.code, found.severity, found.line) for found in verdict.findings],
    }
    content = [program.source, json.dumps(decides, sort_keys=True)]
    return hashlib.sha256("\0".join(content).encode()).hexdigest()[:32]


def check_seal(run: RunFolder, state: RunState, program: str) -> None:
    """Make sure that a program is still what was checked.

    Raises:
        RunError: it, or its verdict, was changed since.
    """
    seal = state.seals.get(program)
    try:
        broken = seal is not None and seal_of(run.program(program)) != seal
    except ValueError:  # no verdict any more
        broken = True
    except OSError as error:
        raise disk_error(run.program_folder(program), error) from error
    if broken:
        message = f"{run.program_folder(program)} was changed since it was checked"
        raise RunError(message, "restore program.py and findings.json, or start a new run")
