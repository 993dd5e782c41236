"""Programs that a request names in one line each, so that the writer does not repeat them."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.evidence.diagnosis import diagnose_program
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState
from rewardsmith.writers.feedback.records import TriedProgram


def tried_programs(run: RunFolder, state: RunState, programs: Sequence[str]) -> list[TriedProgram]:
    """What came of these programs, in the same order."""
    return [_tried(run, state, program) for program in programs]


def _tried(run: RunFolder, state: RunState, program: str) -> TriedProgram:
    full, short = state.score(program), state.score(program, "short")
    score = full or short
    return TriedProgram(
        terms=list(run.program(program).verdict.terms),
        fitness=score.mean if score is not None else None,
        short=full is None and short is not None,
        remarks=_remarks(run, state, program),
    )


def _remarks(run: RunFolder, state: RunState, program: str) -> list[str]:
    remarks = []
    if state.failed(program):
        remarks.append("orders recorded episodes wrongly")
    if state.twin(program) is not None:
        remarks.append("rewards the same as an earlier program")
    if state.exploited(program):
        remarks.append("has an exploit: a failure has a higher return than success")
    trials = [t for rung in ("short", "selection") for t in state.trials_of(program, rung)]
    remarks += [
        f"training was stopped: {t.message}" for t in trials if t.status == "program_failed"
    ]
    diagnosis = diagnose_program(run, state, program)
    if diagnosis is not None:
        remarks.append(f"what is missing: {diagnosis.lever}")
    return list(dict.fromkeys(remarks))
