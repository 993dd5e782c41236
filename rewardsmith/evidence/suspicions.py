"""What trained programs are suspected of, on all that was known when their round was over.

Their screening knew less: nothing that their own agents did, and where programs were
``unscreened``, no better behaviour to tell from worse. What later rounds bring to light is told of
later programs, so that what a writer once read of a program stays as it was. It is worked out anew
by each process, from the finished trials, so that a run that was killed and resumed asks what an
undisturbed one asks. Nothing is written down.
"""

from __future__ import annotations

from rewardsmith.episodes.bank import Bank
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.audit import audit
from rewardsmith.evidence.prior import ordering_concerns, prior_ordering
from rewardsmith.evidence.rewards import BankRewards, apply_to_bank
from rewardsmith.run.bank import RunBank, known_before
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState, TrialKey


class Suspicions:
    """Audits the trained programs of a run on all recorded episodes; each once for the same trials.

    Args:
        bank: of the run.
        contrast: better and worse trajectories, of each, without which nothing is suspected.
    """

    def __init__(self, run: RunFolder, bank: RunBank, contrast: int) -> None:
        self._run = run
        self._bank = bank
        self._gamma = run.task().spec.training.gamma
        self._contrast = contrast
        self._told: dict[tuple[str, tuple[TrialKey, ...]], list[str]] = {}

    def of(self, program: str, state: RunState, round_number: int) -> list[str]:
        """What is told of a program of a round; nothing where the bank holds too little contrast.

        Raises:
            BoundaryError: the sandbox failed.
        """
        known = program, known_before(state, round_number + 1)
        if known not in self._told:
            self._told[known] = self._on(self._bank.before(state, round_number + 1), program, state)
        return self._told[known]

    def _on(self, bank: Bank, program: str, state: RunState) -> list[str]:
        checked = self._run.program(program)
        of_pay = self._of_pay(bank, program, state.parent(program)) if checked.verdict.pays else []
        assert state.preflight is not None
        try:
            order = prior_ordering(checked, bank, state.preflight)
        except ProgramError as error:
            return [*of_pay, f"its prior on Q breaks on recorded episodes: {error.message}"]
        return [*of_pay, *map(str, ordering_concerns(order) if order is not None else ())]

    def _of_pay(self, bank: Bank, program: str, parent: str | None) -> list[str]:
        paid = self._applied(program, bank)
        if isinstance(paid, str):
            return [paid]
        if paid.better is None or min(paid.better.sum(), (~paid.better).sum()) < self._contrast:
            return []
        before = self._applied(parent, bank) if parent is not None else None
        return [
            str(concern)
            for concern in audit(paid, before if isinstance(before, BankRewards) else None)
        ]

    def _applied(self, program: str, bank: Bank) -> BankRewards | str:
        """What it pays over the bank, or how it breaks on it."""
        try:
            return apply_to_bank(self._run.program(program), bank, self._gamma)
        except ProgramError as error:
            return f"it breaks on recorded episodes: {error.message}"
