"""A reply -> a program and its verdict. The program's folder is written before its event."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from functools import cached_property
from typing import NamedTuple

from rewardsmith.episodes.preflight import Preflight
from rewardsmith.llm.protocol import FinishReason
from rewardsmith.program import ENTRY_POINTS, CheckedProgram, Program, program_id
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.seals import check_seal, seal_of
from rewardsmith.run.state import RunState
from rewardsmith.sandbox.behaviour.for_training import check_for_training
from rewardsmith.sandbox.codes import CODES
from rewardsmith.task.training import TrainingSpec
from rewardsmith.types import Columns, Finding, Outcome, Slot
from rewardsmith.writers.extract import extract_code

_OUTCOMES: dict[str, Outcome] = {"length": "cut", "refusal": "refusal", "filter": "filter"}


class CheckResult(NamedTuple):
    """The outcome of a reply.

    Attributes:
        program: None when the reply held no usable code.
        seal: see :func:`rewardsmith.run.seals.seal_of`.
        size: see :attr:`rewardsmith.program.CheckedProgram.size`.
    """

    program: Program | None
    accepted: bool
    findings: tuple[Finding, ...]
    seal: str = ""
    outcome: Outcome = "code"
    functions: tuple[str, ...] = ()
    size: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse the program."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


class Checker:
    """Takes programs out of replies and checks them on the run's real transitions."""

    def __init__(
        self,
        run: RunFolder,
        preflight: Preflight,
        state: RunState,
        training: TrainingSpec,
        wanted: Collection[str] = ENTRY_POINTS,
    ) -> None:
        self._run = run
        self._wanted = wanted
        self._training = training
        self._preflight = preflight
        self._state = state

    def check(
        self, slot: Slot, text: str, finish: FinishReason, parents: tuple[str, ...], reply: str
    ) -> CheckResult:
        """Check the program in a reply; an equal program is checked once.

        Raises:
            BoundaryError: the sandbox itself failed.
            RunError: an equal program, or its verdict, was changed since.
        """
        found = extract_code(text, length_cut=finish == "length")
        if found.source is None:
            return without_program(text, finish, found.problem)
        return self._checked(Program(program_id(found.source), found.source, slot, parents, reply))

    def derive(self, whole: str, keep: tuple[str, ...]) -> CheckResult:
        """Check a program that has only some of another's functions.

        Raises:
            BoundaryError: the sandbox itself failed.
        """
        source = keep_functions(self._run.program(whole), keep)
        return self._checked(
            Program(program_id(source), source, self._state.programs[whole], (whole,))
        )

    def _checked(self, program: Program) -> CheckResult:
        if self._run.has_program(program.id):
            check_seal(self._run, self._state, program.id)
            verdict = self._run.program(program.id).verdict
        else:
            seen = self._preflight, self._transitions
            verdict = check_for_training(program.source, *seen, self._training, self._wanted)
            self._run.write_lineage(program)
            self._run.write_program(CheckedProgram(program.id, program.source, verdict))
        checked = self._run.program(program.id)
        return CheckResult(
            program,
            verdict.accepted,
            verdict.findings,
            seal_of(checked),
            functions=tuple(verdict.entries),
            size=checked.size if verdict.accepted else 0,
        )

    @cached_property
    def _transitions(self) -> Columns:
        return self._run.transitions()


def keep_functions(program: CheckedProgram, keep: tuple[str, ...]) -> str:
    """A module without the named functions that are not to be kept; comments stay."""
    entries = program.verdict.entries
    gone = {entry.function for name, entry in entries.items() if name not in keep}
    lines = program.source.splitlines()
    for node in ast.parse(program.source).body:
        if isinstance(node, ast.FunctionDef) and node.name in gone:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines[first - 1 : node.end_lineno] = [""] * (
                (node.end_lineno or node.lineno) - first + 1
            )
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip() + "\n"


def without_program(text: str, finish: FinishReason, problem: str) -> CheckResult:
    """The outcome of a reply without a program."""
    outcome: Outcome = "no_code"
    if finish in _OUTCOMES:
        outcome = _OUTCOMES[finish]
    elif not text.strip():
        outcome = "empty"
    code = {
        "no_code": "RS001",
        "refusal": "RS002",
        "filter": "RS003",
        "empty": "RS004",
        "cut": "RS005",
    }[outcome]
    message = (
        f"the model said: {' '.join(text.split())[:200]}"
        if outcome == "refusal" and text.strip()
        else ""
    )
    message = problem if outcome in ("no_code", "cut") else message or CODES[code].meaning
    return CheckResult(
        None, False, (Finding(code, "error", message, CODES[code].remedy),), outcome=outcome
    )
