"""A reply -> a program and its verdict. The program's folder is written before the event that speaks of it."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import re
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from rewardsmith.coder.extract import extract_code
from rewardsmith.errors import RunError
from rewardsmith.events import disk_error
from rewardsmith.llm.protocol import FinishReason
from rewardsmith.look import shapes_in
from rewardsmith.maths.shaping import check_bonus
from rewardsmith.program import ENTRY_POINTS, Program, Verdict, program_id
from rewardsmith.sandbox.behaviour import check_program
from rewardsmith.sandbox.codes import CODES
from rewardsmith.state import RunState
from rewardsmith.store import RunFolder, write_whole
from rewardsmith.task.spec import TrainingSpec
from rewardsmith.types import Columns, Finding, Outcome, Slot

_VERDICT = TypeAdapter(Verdict)
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
        preflight: dict[str, Any],
        state: RunState,
        training: TrainingSpec,
        wanted: Collection[str] = ENTRY_POINTS,
    ) -> None:
        self._run = run
        self._wanted = wanted
        self._training = training
        self._preflight = preflight
        self._state = state

    def judge(self, slot: Slot, text: str, finish: FinishReason, parents: tuple[str, ...], reply: str) -> Judgement:
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
        source = keep_functions(self._run.program_source(whole), read_verdict(self._run, whole), keep)
        return self._judged(Program(program_id(source), source, self._state.programs[whole], (whole,)))

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
            write_whole(folder / "findings.json", json.dumps(dataclasses.asdict(verdict), indent=1) + "\n")
        seal = seal_of(self._run, program.id)
        return Judgement(program, verdict.accepted, verdict.findings, seal, functions=tuple(verdict.entries))

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
            lines[first - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - first + 1)
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip() + "\n"


def without_program(text: str, finish: FinishReason, problem: str) -> Judgement:
    """What a reply without a program came to. Where there was nothing to mend, it is not a finding of a program."""
    outcome: Outcome = "no_code"
    if finish in _OUTCOMES:
        outcome = _OUTCOMES[finish]
    elif not text.strip():
        outcome = "empty"
    code = {"no_code": "RS001", "refusal": "RS002", "filter": "RS003", "empty": "RS004", "cut": "RS005"}[outcome]
    message = f"the model said: {' '.join(text.split())[:200]}" if outcome == "refusal" and text.strip() else ""
    message = problem if outcome in ("no_code", "cut") else message or CODES[code].meaning
    return Judgement(None, False, (Finding(code, "error", message, CODES[code].remedy),), outcome=outcome)


def check_source(source: str, preflight: dict[str, Any], transitions: Columns) -> Verdict:
    """Check a program against a task that was looked at."""
    return check_program(
        source,
        shapes_in(transitions),
        transitions,
        hidden=tuple(preflight["hidden"]),
        n_actions=preflight["n_actions"],
        horizon=preflight["episode_length"],
        return_bound=preflight.get("return_bound"),
    )


def check_for_training(
    source: str,
    preflight: dict[str, Any],
    transitions: Columns,
    training: TrainingSpec,
    wanted: Collection[str] = ENTRY_POINTS,
) -> Verdict:
    """The same, and refuse what is valid but must not, or cannot, be used with the task's learner.

    Args:
        wanted: the functions that were asked for; where a reward is not, the task's own, and what is best, stays.
    """
    verdict = check_source(source, preflight, transitions)
    if not verdict.accepted:
        return verdict
    found = [("RS401", *why) for name, *why in unusable_parts(training) if name in verdict.entries]
    if "reward" in verdict.entries and "reward" not in wanted:
        asked = f"define only {', '.join(wanted)}: the task's own reward stays, and they are added to it"
        found.append(("RS402", "a reward was not asked for", asked))
    longest = preflight.get("longest")
    if "subgoals" in verdict.entries and (why := _too_large_a_bonus(training, longest, len(verdict.rates))):
        found.append(("RS403", why, "lower [training.shaping] bonus or leave it out, or define fewer subgoals"))
    if not found:
        return verdict
    errors = (Finding(code, "error", message, hint, source="audit") for code, message, hint in found)
    return dataclasses.replace(verdict, stage="behaviour", findings=(*verdict.findings, *errors))


def _too_large_a_bonus(training: TrainingSpec, longest: int | None, count: int) -> str:
    """Why subgoals that many cannot be paid as the task says; empty where they can, or nothing is known."""
    shaping = training.shaping
    if shaping.subgoals == "potential" or shaping.bonus is None or longest is None:
        return ""
    try:
        check_bonus(shaping.bonus, training.gamma, longest, shaping.success, count)
    except ValueError as error:
        return str(error)
    return ""


def unusable_parts(training: TrainingSpec) -> Iterator[tuple[str, str, str]]:
    """Functions that a task's learner has no use for: (name, why, what to do)."""
    if training.algorithm not in ("DQN", "TD3", "SAC"):
        why = f"{training.algorithm} learns no Q that a q_prior could shape"
        yield "q_prior", why, "write a reward, or a potential; or train with DQN, TD3 or SAC: [training] algorithm"


def read_verdict(run: RunFolder, program: str) -> Verdict:
    """The verdict of a program of this run."""
    return _VERDICT.validate_json((run.program_folder(program) / "findings.json").read_text(encoding="utf-8"))


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


def _lineage(program: Program) -> dict[str, Any]:
    return {"id": program.id, "slot": program.slot, "parents": program.parents, "reply": program.reply}
