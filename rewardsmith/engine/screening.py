"""Screen orders -> verdicts: a program is applied to the bank, before it is trained.

What its writer may be told lies in the program's folder before the event that speaks of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rewardsmith.bank import Bank
from rewardsmith.engine.bank import RunBank
from rewardsmith.engine.judging import read_verdict
from rewardsmith.errors import ProgramError
from rewardsmith.events import finite
from rewardsmith.feedback.audit import audit
from rewardsmith.feedback.paid import Paid
from rewardsmith.feedback.preference import preference_rows
from rewardsmith.look import shapes_in
from rewardsmith.orders import Screen
from rewardsmith.program import Verdict
from rewardsmith.sandbox.parts import HostedProgram
from rewardsmith.state import RunState
from rewardsmith.store import RunFolder, write_whole
from rewardsmith.types import Columns

SCREEN = "screen.json"  # in a program's folder
_AT_ONCE = {"batched": 8192, "per_transition": 64}  # transitions per call


class Screener:
    """Holds the programs of a run against its bank."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._bank = RunBank(run)
        self._gamma = run.task().spec.training.gamma

    def screen(self, order: Screen, state: RunState) -> dict[str, Any]:
        """The verdict, as the data of its event.

        A program that breaks on known behaviour has failed. Where the bank holds too little contrast between better and
        worse behaviour nothing can be said: ``unscreened``.

        Raises:
            BoundaryError: the sandbox failed.
        """
        bank = self._bank.before(state, state.programs[order.program].round if order.known == "before" else None)
        verdict = read_verdict(self._run, order.program)
        try:
            paid = apply_to_bank(self._run.program_source(order.program), verdict, bank, self._gamma)
        except ProgramError as error:
            self._keep(order, {"problem": str(error), "concerns": []})
            return _event(order, "failed")
        kept = paid.agreement(order.rule, order.measure)
        if kept is None or min(kept.better, kept.worse) < order.contrast:
            return _event(order, "unscreened")
        verdict_of_bank = "passed" if kept.share >= order.threshold else "failed"
        concerns = audit(paid)
        assert state.preflight is not None
        about = (verdict.fields_read, state.preflight["arguments"])
        told = preference_rows(paid, order.rule, order.measure, order.threshold, *about)
        self._keep(order, {"problem": "", "concerns": [str(concern) for concern in concerns], **told})
        return _event(order, verdict_of_bank, kept.share, [concern.code for concern in concerns])

    def _keep(self, order: Screen, told: dict[str, Any]) -> None:
        path = self._run.program_folder(order.program) / SCREEN
        write_whole(path, json.dumps(finite(told), indent=1, allow_nan=False) + "\n")


def apply_to_bank(source: str, verdict: Verdict, bank: Bank, gamma: float) -> Paid:
    """What an accepted program pays over a bank.

    Raises:
        ProgramError: the program broke on it.
        BoundaryError: the sandbox failed.
    """
    with hosted(source, verdict, bank.columns(asked_columns(verdict)), gamma) as program:
        return Paid(bank, program(bank.columns(program.arguments)), gamma)


def hosted(source: str, verdict: Verdict, columns: Columns, gamma: float) -> HostedProgram:
    """The reward and potential of an accepted program, ready for columns like these."""
    style = verdict.style or "batched"
    shapes = shapes_in(columns)
    return HostedProgram(source, verdict.entries, shapes, capacity=_AT_ONCE[style], style=style, gamma=gamma)


def asked_columns(verdict: Verdict) -> list[str]:
    """What the reward and the potential of a program ask for."""
    entries = [verdict.entries[name] for name in ("reward", "potential") if name in verdict.entries]
    return list(dict.fromkeys(name for entry in entries for name in entry.arguments))


def read_screen(run: RunFolder, program: str) -> dict[str, Any] | None:
    """What screening found out about a program; None where it was not screened, or had nothing to be held against."""
    path = run.program_folder(program) / SCREEN
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found


def _event(order: Screen, verdict: str, share: float | None = None, concerns: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "program": order.program,
        "verdict": verdict,
        "share": share,
        "concerns": list(concerns),
        "rule": order.rule,
        "measure": order.measure,
        "threshold": order.threshold,
    }
