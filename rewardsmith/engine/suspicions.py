"""What trained programs are suspected of, on all that was known when a later round began.

Their screening knew less: nothing that their own agents did, and where programs were ``unscreened``, no better
behaviour to tell from worse. It is worked out anew for each request, from the finished trials of the rounds before it,
so that a run that was killed and resumed asks what an undisturbed one asks. Nothing is written down.
"""

from __future__ import annotations

from rewardsmith.bank import Bank
from rewardsmith.engine.bank import RunBank
from rewardsmith.engine.judging import read_verdict
from rewardsmith.engine.screening import apply_to_bank
from rewardsmith.errors import ProgramError
from rewardsmith.feedback.audit import audit
from rewardsmith.feedback.paid import Paid
from rewardsmith.state import RunState
from rewardsmith.store import RunFolder

_CONTRAST = 3  # better and worse trajectories, of each, that there must be where a strategy says nothing of it


class Suspicions:
    """Holds the trained programs of a run against what became known; each once for every bank."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._bank = RunBank(run)
        self._gamma = run.task().spec.training.gamma
        self._contrast = int(run.config().options.get("contrast", _CONTRAST))
        self._known: Bank | None = None  # what the following were applied to
        self._paid: dict[str, Paid | str] = {}

    def of(self, program: str, state: RunState, round_number: int) -> list[str]:
        """What is told of a program to the writer of a round; nothing where the bank holds too little contrast.

        Raises:
            BoundaryError: the sandbox failed.
        """
        if not {"reward", "potential"} & read_verdict(self._run, program).entries.keys():
            return []
        bank = self._bank.before(state, round_number)
        if bank is not self._known:
            self._known, self._paid = bank, {}
        paid = self._applied(program, bank)
        if isinstance(paid, str):
            return [paid]
        if paid.better is None or min(paid.better.sum(), (~paid.better).sum()) < self._contrast:
            return []
        parent = state.parent(program)
        before = self._applied(parent, bank) if parent is not None else None
        return [str(concern) for concern in audit(paid, before if isinstance(before, Paid) else None)]

    def _applied(self, program: str, bank: Bank) -> Paid | str:
        """What it pays over the bank, or how it breaks on it."""
        if program not in self._paid:
            verdict = read_verdict(self._run, program)
            try:
                self._paid[program] = apply_to_bank(self._run.program_source(program), verdict, bank, self._gamma)
            except ProgramError as error:
                self._paid[program] = f"it breaks on recorded episodes: {error.message}"
        return self._paid[program]
