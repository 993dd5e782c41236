"""Check a program, or read it from a file, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rewardsmith.errors import UsageError
from rewardsmith.program import CheckedProgram, Verdict
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task

if TYPE_CHECKING:
    from rewardsmith.episodes.random_policy import Look


def check_program(source: str, task: Task | str) -> Verdict:
    """Check a program on a random policy's transitions, and whether the task's learner can use it.

    Raises:
        UsageError, BoundaryError: the task or its environment failed, not the program.
    """
    from rewardsmith.episodes.random_policy import look_at

    resolved = resolve_task(task)
    return check_on(source, resolved, look_at(resolved))


def check_on(source: str, task: Task, look: Look) -> Verdict:
    """Check a program on a preflight's transitions, and whether the learner can use it."""
    from rewardsmith.sandbox.behaviour.for_training import check_for_training

    return check_for_training(source, look.report, look.transitions, task.spec.training)


def program_text(path: str | Path) -> str:
    """The program in a Python file, in an export, or in a reply of a model (``.md``, ``.txt``).

    Raises:
        UsageError: the file cannot be read, or a reply has no program.
    """
    from rewardsmith.api.export.module import program_in
    from rewardsmith.writers.extract import extract_code

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "give the path of a Python file") from None
    if Path(path).suffix not in (".md", ".txt"):
        return program_in(text)
    found = extract_code(text)
    if found.source is None:
        raise UsageError(
            f"{path} has no program: {found.problem}", "write it in one fenced python block"
        )
    return found.source


def trainable_program(path: str | Path, task: Task) -> CheckedProgram:
    """The program in a file, checked and accepted for training.

    Raises:
        UsageError: the file cannot be read, or the program was refused; the message lists the
            findings.
    """
    source = program_text(path)
    verdict = check_program(source, task)
    if not verdict.accepted:
        found = "\n  ".join(str(finding) for finding in verdict.errors)
        raise UsageError(
            f"{path} was refused:\n  {found}", f"see: rewardsmith check {path} --task {task.name}"
        )
    return CheckedProgram.of(source, verdict)
