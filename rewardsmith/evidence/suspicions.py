"""Suspicions about trained programs, on all episodes that were recorded by the end of their round.

Their screening knew less: not the episodes of their own agents, and for ``unscreened`` programs no
contrast. Episodes of later rounds are used for later programs only, so that the feedback about a
program never changes. Each process computes the suspicions from the finished trials and stores
nothing, so a resumed run makes the same requests as an uninterrupted one.
"""

from __future__ import annotations

from rewardsmith.episodes.bank import Bank
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.audit import audit
from rewardsmith.evidence.prior import ordering_concerns, prior_ordering
from rewardsmith.evidence.rewards import BankRewards, apply_to_bank
from rewardsmith.run.bank import RunBank, known_before
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialKey
from rewardsmith.run.state import RunState


class Suspicions:
    """Audits the trained programs of a run on all recorded episodes; each once for the same trials.

    Args:
        bank: of the run.
        contrast: numbers of better and of worse trajectories below which there is no suspicion.
    """

    def __init__(self, run: RunFolder, bank: RunBank, contrast: int) -> None:
        self._run = run
        self._bank = bank
        self._gamma = run.task().spec.training.gamma
        self._contrast = contrast
        self._known: dict[tuple[str, tuple[TrialKey, ...]], list[str]] = {}

    def of(self, program: str, state: RunState, round_number: int) -> list[str]:
        """The suspicions about a program of a round; none if the bank lacks contrast.

        Raises:
            BoundaryError: the sandbox failed.
        """
        key = program, known_before(state, round_number + 1)
        if key not in self._known:
            self._known[key] = self._on(self._bank.before(state, round_number + 1), program, state)
        return self._known[key]

    def _on(self, bank: Bank, program: str, state: RunState) -> list[str]:
        checked = self._run.program(program)
        concerns = []
        if checked.verdict.changes_reward:
            concerns = self._about_reward(bank, program, state.parent(program))
        assert state.preflight is not None
        try:
            order = prior_ordering(checked, bank, state.preflight)
        except ProgramError as error:
            return [*concerns, f"its prior on Q breaks on recorded episodes: {error.message}"]
        return [*concerns, *map(str, ordering_concerns(order) if order is not None else ())]

    def _about_reward(self, bank: Bank, program: str, parent: str | None) -> list[str]:
        rewards = self._applied(program, bank)
        if isinstance(rewards, str):
            return [rewards]
        if (
            rewards.better is None
            or min(rewards.better.sum(), (~rewards.better).sum()) < self._contrast
        ):
            return []
        before = self._applied(parent, bank) if parent is not None else None
        return [
            str(concern)
            for concern in audit(rewards, before if isinstance(before, BankRewards) else None)
        ]

    def _applied(self, program: str, bank: Bank) -> BankRewards | str:
        """Its rewards on the bank, or how it fails on it."""
        try:
            return apply_to_bank(self._run.program(program), bank, self._gamma)
        except ProgramError as error:
            return f"it breaks on recorded episodes: {error.message}"
