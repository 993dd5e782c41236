"""Check a program, or read it from a file, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rewardsmith.errors import UsageError
from rewardsmith.program import EXPORT_LEARNED, CheckedProgram, Program, Verdict
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task

if TYPE_CHECKING:
    from rewardsmith.episodes.random_policy import PreflightData

AnyProgram = str | Path | Program | CheckedProgram  # see program_text


def check_program(source: str, task: Task | str) -> Verdict:
    """Check a program on a random policy's transitions, and whether the task's learner can use it.

    Raises:
        UsageError, BoundaryError: the task or its environment failed, not the program.
    """
    from rewardsmith.episodes.random_policy import collect_preflight

    resolved = resolve_task(task)
    return check_on(source, resolved, collect_preflight(resolved))


def check_on(source: str, task: Task, look: PreflightData) -> Verdict:
    """Check a program on a preflight's transitions, and whether the learner can use it."""
    from rewardsmith.sandbox.behaviour.for_training import check_for_training

    return check_for_training(source, look.report, look.transitions, task.spec.training)


def program_text(program: AnyProgram) -> str:
    """The source of a program.

    Args:
        program: a program, its source, or the path of a file that holds it: a Python file, an
            exported one too, or a reply of a model (``.md``, ``.txt``). A text with a line break
            is source, any other text is a path.

    Raises:
        UsageError: it is none of these, the file cannot be read, or a reply has no program.
    """
    if isinstance(program, Program | CheckedProgram):
        return program.source
    if not isinstance(program, str | Path):
        found = type(program).__name__
        raise UsageError(
            f"expected a program, its source, or the path of its file; found a {found}",
            "give its path, or its source: a loaded program has it as loaded.source",
        )
    if isinstance(program, str) and not _is_path(program):
        return program
    return _text_of_file(Path(program))


def program_file(program: AnyProgram) -> str | None:
    """The name of the file that a program is read from; None if it is given as source."""
    return Path(str(program)).name if _is_path(program) else None


def _is_path(program: AnyProgram) -> bool:
    return isinstance(program, Path) or (isinstance(program, str) and "\n" not in program)


def _text_of_file(path: Path) -> str:
    from rewardsmith.api.export.module import program_in
    from rewardsmith.writers.extract import extract_code

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "give the path of a Python file, or source text with a line break"
        raise UsageError(f"cannot read {path}: {error}", hint) from None
    if path.suffix not in (".md", ".txt"):
        if EXPORT_LEARNED in text:
            raise UsageError(
                f"{path} has a learned reward, which is weights and no program",
                "use the RewardWrapper of the file; or train it from its run, in Python: "
                "rewardsmith.train_program(run.folder.program(ID), task)",
            )
        return program_in(text)
    found = extract_code(text)
    if found.source is None:
        raise UsageError(
            f"{path} has no program: {found.problem}", "write it in one fenced python block"
        )
    return found.source


def trainable_program(program: AnyProgram, task: Task) -> CheckedProgram:
    """A program, checked; agents may be trained with it.

    Args:
        program: as :func:`program_text` takes it.

    Raises:
        UsageError: the file cannot be read, or the program was refused; the message lists the
            findings.
    """
    if isinstance(program, CheckedProgram) and program.learned is not None:
        return program  # it was checked in its run, and its weights are no code
    source = program_text(program)
    verdict = check_program(source, task)
    if not verdict.accepted:
        found = "\n  ".join(str(finding) for finding in verdict.errors)
        name, file = (program, program) if _is_path(program) else ("the program", "FILE")
        hint = f"see: rewardsmith check {file} --task {task.name}"
        raise UsageError(f"{name} was refused:\n  {found}", hint)
    return CheckedProgram.of(source, verdict)
