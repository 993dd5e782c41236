"""A reply -> a program and its verdict. The program's folder is written before the event that speaks of it."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Collection
from functools import cached_property
from typing import Any, NamedTuple

from rewardsmith.episodes.preflight import Preflight
from rewardsmith.llm.protocol import FinishReason
from rewardsmith.program import ENTRY_POINTS, Program, Verdict, program_id
from rewardsmith.run.folder import RunFolder, write_whole
from rewardsmith.run.records import check_seal, load_transitions, read_verdict, seal_of
from rewardsmith.run.state import RunState
from rewardsmith.sandbox.behaviour.for_training import check_for_training
from rewardsmith.sandbox.codes import CODES
from rewardsmith.task.spec import TrainingSpec
from rewardsmith.types import Columns, Finding, Outcome, Slot
from rewardsmith.writers.extract import extract_code

_OUTCOMES: dict[str, Outcome] = {"length": "cut", "refusal": "refusal", "filter": "filter"}


class Judgement(NamedTuple):
    """What a reply came to: ``program`` is None when it held no usable code; ``seal`` as :func:`seal_of` says."""

    program: Program | None
    accepted: bool
    findings: tuple[Finding, ...]
    seal: str = ""
    outcome: Outcome = "code"
    functions: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse the program."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


class Judge:
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

    def judge(
        self, slot: Slot, text: str, finish: FinishReason, parents: tuple[str, ...], reply: str
    ) -> Judgement:
        """The judgement of one reply; an equal program was judged once and for all.

        Raises:
            BoundaryError: the sandbox itself failed.
            RunError: an equal program, or its verdict, was changed since.
        """
        found = extract_code(text, length_cut=finish == "length")
        if found.source is None:
            return without_program(text, finish, found.problem)
        return self._judged(Program(program_id(found.source), found.source, slot, parents, reply))

    def derive(self, whole: str, keep: tuple[str, ...]) -> Judgement:
        """The judgement of a program that has only some of another's functions.

        Raises:
            BoundaryError: the sandbox itself failed.
        """
        source = keep_functions(
            self._run.program_source(whole), read_verdict(self._run, whole), keep
        )
        return self._judged(
            Program(program_id(source), source, self._state.programs[whole], (whole,))
        )

    def _judged(self, program: Program) -> Judgement:
        folder = self._run.program_folder(program.id)
        if (folder / "findings.json").exists():
            check_seal(self._run, self._state, program.id)
            verdict = read_verdict(self._run, program.id)
        else:
            seen = self._preflight, self._transitions
            verdict = check_for_training(program.source, *seen, self._training, self._wanted)
            write_whole(folder / "program.py", program.source.rstrip() + "\n")
            write_whole(folder / "lineage.json", json.dumps(_lineage(program), indent=1) + "\n")
            write_whole(
                folder / "findings.json", json.dumps(dataclasses.asdict(verdict), indent=1) + "\n"
            )
        seal = seal_of(self._run, program.id)
        return Judgement(
            program, verdict.accepted, verdict.findings, seal, functions=tuple(verdict.entries)
        )

    @cached_property
    def _transitions(self) -> Columns:
        return load_transitions(self._run)


def keep_functions(source: str, verdict: Verdict, keep: tuple[str, ...]) -> str:
    """A module without those of its functions that rewardsmith calls and that are not to be kept; comments stay."""
    gone = {entry.function for name, entry in verdict.entries.items() if name not in keep}
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name in gone:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines[first - 1 : node.end_lineno] = [""] * (
                (node.end_lineno or node.lineno) - first + 1
            )
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip() + "\n"


def without_program(text: str, finish: FinishReason, problem: str) -> Judgement:
    """What a reply without a program came to. Where there was nothing to mend, it is not a finding of a program."""
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
    return Judgement(
        None, False, (Finding(code, "error", message, CODES[code].remedy),), outcome=outcome
    )


def _lineage(program: Program) -> dict[str, Any]:
    return {
        "id": program.id,
        "slot": program.slot,
        "parents": program.parents,
        "reply": program.reply,
    }
