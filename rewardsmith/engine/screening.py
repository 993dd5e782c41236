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
from rewardsmith.episodes import episode_columns
from rewardsmith.errors import ProgramError
from rewardsmith.events import finite
from rewardsmith.feedback.audit import audit
from rewardsmith.feedback.breaking import no_number, step_of
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

        A program that breaks on known behaviour, or pays what is not a number, has failed. Where the bank holds too
        little contrast between better and worse behaviour nothing can be said: ``unscreened``.

        Raises:
            BoundaryError: the sandbox failed.
        """
        bank = self._bank.before(state, state.programs[order.program].round if order.known == "before" else None)
        source, verdict = self._run.program_source(order.program), read_verdict(self._run, order.program)
        try:
            paid = apply_to_bank(source, verdict, bank, self._gamma)
            problem = no_number(paid)
        except ProgramError as error:
            problem = broken(error, source, verdict, bank, self._gamma)
        if problem:
            self._keep(order, {"problem": problem, "concerns": []})
            return _event(order, "failed")
        kept = paid.agreement(order.rule, order.measure)
        if kept is None or min(kept.better, kept.worse) < order.contrast:
            return _event(order, "unscreened")
        verdict_of_bank = "passed" if kept.share >= order.threshold else "failed"
        concerns = audit(paid, self._before(order.program, state, bank))
        assert state.preflight is not None
        about = (verdict.fields_read, state.preflight["arguments"])
        told = preference_rows(paid, order.rule, order.measure, order.threshold, *about)
        self._keep(order, {"problem": "", "concerns": [str(concern) for concern in concerns], **told})
        return _event(order, verdict_of_bank, kept.share, [concern.code for concern in concerns])

    def _before(self, program: str, state: RunState, bank: Bank) -> Paid | None:
        """What the program that it was made from pays; None where there is none, or it breaks."""
        parent = state.parent(program)
        if parent is None:
            return None
        try:
            return apply_to_bank(self._run.program_source(parent), read_verdict(self._run, parent), bank, self._gamma)
        except ProgramError:
            return None

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
        return Paid(bank, program(bank.columns(program.arguments)), gamma, program.arguments)


def broken(error: ProgramError, source: str, verdict: Verdict, bank: Bank, gamma: float) -> str:
    """How a program breaks on a bank, and in which step, where it is one that it cannot do.

    Raises:
        BoundaryError: the sandbox failed.
    """
    said = f"{error.message} (line {error.line})" if error.line else error.message
    said = f"{said} — {error.hint}" if error.hint else said
    if error.reason not in ("exception", "output"):
        return said
    try:
        with hosted(source, verdict, bank.columns(asked_columns(verdict)), gamma) as program:
            for place, episode in enumerate(bank.episodes):
                columns = episode_columns(episode, program.arguments)
                if _breaks(program, columns, len(episode)):
                    step = _first_breaking(program, columns, len(episode))
                    return f"{said}, {step_of(bank, place, step, program.arguments)}"
    except ProgramError:
        pass  # the module itself fails
    return said


def _first_breaking(program: HostedProgram, columns: Columns, steps: int) -> int:
    """A step up to which a program breaks, and before which it does not."""
    fine, breaks = 0, steps
    while breaks - fine > 1:
        middle = (fine + breaks) // 2
        fine, breaks = (fine, middle) if _breaks(program, columns, middle) else (middle, breaks)
    return breaks - 1


def _breaks(program: HostedProgram, columns: Columns, steps: int) -> bool:
    try:
        program({name: values[:steps] for name, values in columns.items()})
    except ProgramError:
        return True
    return False


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
