"""The seal of a program: a digest in the event log that reveals a change of its files."""

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

    The digest leaves out measured times, so that the seal is the same in every run.
    """
    verdict = program.verdict
    entries = {name: dataclasses.asdict(entry) for name, entry in verdict.entries.items()}
    findings = [(found.code, found.severity, found.line) for found in verdict.findings]
    decides = {
        "stage": verdict.stage,
        "level": verdict.level,
        "style": verdict.style,
        "entries": entries,
        "findings": findings,
    }
    content = [program.source, json.dumps(decides, sort_keys=True)]
    if program.learned is not None:
        content.append(program.learned.model_dump_json())
    return hashlib.sha256("\0".join(content).encode()).hexdigest()[:32]


def check_seal(run: RunFolder, state: RunState, program: str) -> None:
    """Check that a program is unchanged since its checks.

    Raises:
        RunError: the program or its verdict was changed.
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
        raise RunError(message, "restore the files of that folder, or start a new run")
