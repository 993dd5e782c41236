"""Screen orders -> verdicts: a program is screened on the recorded episodes before it is trained.

There its rewards are also compared with those of earlier programs.

The feedback is in the folder of the program before its event is recorded.
"""

from __future__ import annotations

from rewardsmith.episodes.bank import Bank
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.audit import audit
from rewardsmith.evidence.breaking import describe_failure, describe_non_finite
from rewardsmith.evidence.rewards import BankRewards, apply_to_bank
from rewardsmith.evidence.similarity import cosine, reward_vector
from rewardsmith.run.bank import RunBank
from rewardsmith.run.events import Screened, SimilarityMeasured
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import MeasureSimilarity, Screen
from rewardsmith.run.outcomes import ScreenState, ScreenVerdict
from rewardsmith.run.records import ScreenRecord
from rewardsmith.run.state import RunState
from rewardsmith.types import FloatArray
from rewardsmith.writers.feedback.preference import preference_summary

_COMPARED = 200  # trajectories on which programs are compared


class Screener:
    """Screens the programs of a run on its bank."""

    def __init__(self, run: RunFolder, bank: RunBank) -> None:
        self._run = run
        self._bank = bank
        self._compared_on: Bank | None = None
        self._vectors: dict[str, FloatArray | None] = {}
        self._gamma = run.task().spec.training.gamma

    def doing(self, order: Screen | MeasureSimilarity) -> str:
        """What an order does, for the progress."""
        if isinstance(order, Screen):
            return f"screening {order.program} on recorded episodes"
        return f"comparing {order.program} with earlier programs"

    def carry_out(
        self, order: Screen | MeasureSimilarity, state: RunState
    ) -> Screened | SimilarityMeasured:
        """Carry out an order on the recorded episodes; the event says what was found.

        Raises:
            BoundaryError: the sandbox failed.
        """
        if isinstance(order, Screen):
            return Screened(screen=self.screen(order, state))
        return SimilarityMeasured(
            program=order.program, similarity=self._similarity(order.program, state)
        )

    def screen(self, order: Screen, state: RunState) -> ScreenState:
        """Screen a program on the recorded episodes of the bank.

        A program fails that raises an error on the recorded episodes, or whose reward is not a
        number. If the bank contains too few better or worse episodes, it is ``unscreened``.

        Raises:
            BoundaryError: the sandbox failed.
        """
        bank = self._bank.before(
            state, state.programs[order.program].round if order.known == "before" else None
        )
        program = self._run.program(order.program)
        try:
            rewards = apply_to_bank(program, bank, self._gamma)
            problem = describe_non_finite(rewards)
        except ProgramError as error:
            problem = describe_failure(error, program, bank, self._gamma)
        if problem:
            self._run.write_screen(order.program, ScreenRecord(problem=problem))
            return _screened(order, "failed")
        kept = rewards.agreement(order.rule, order.measure)
        if kept is None or min(kept.better, kept.worse) < order.contrast:
            return _screened(order, "unscreened")
        verdict_of_bank: ScreenVerdict = "passed" if kept.share >= order.threshold else "failed"
        concerns = audit(rewards, self._before(order.program, state, bank))
        assert state.preflight is not None
        about = (program.verdict.fields_read, state.preflight.arguments)
        record = ScreenRecord(
            concerns=list(map(str, concerns)),
            preference=preference_summary(
                rewards, order.rule, order.measure, order.threshold, *about
            ),
        )
        self._run.write_screen(order.program, record)
        codes = tuple(concern.code for concern in concerns)
        return _screened(order, verdict_of_bank, kept.share, codes)

    def _similarity(self, program: str, state: RunState) -> dict[str, float]:
        """How similar a program is to each one that was written before it, the first one first."""
        slot = state.programs[program]
        known = sorted((place, name) for name, place in state.programs.items() if place < slot)
        if not known:
            return {}
        bank = self._bank.before(state, slot.round, _COMPARED)
        if bank is not self._compared_on:  # all programs of a round are compared on the same one
            self._compared_on, self._vectors = bank, {}
        own = self._vector(program)
        found = {name: self._vector(name) for _, name in known}
        if own is None:
            return {}
        return {name: cosine(own, vector) for name, vector in found.items() if vector is not None}

    def _vector(self, program: str) -> FloatArray | None:
        """The rewards of a program on the transitions that are compared; computed once."""
        assert self._compared_on is not None
        if program not in self._vectors:
            checked = self._run.program(program)
            self._vectors[program] = reward_vector(checked, self._compared_on, self._gamma)
        return self._vectors[program]

    def _before(self, program: str, state: RunState, bank: Bank) -> BankRewards | None:
        """The rewards of its parent; None without a parent, or if the parent fails on the bank."""
        parent = state.parent(program)
        if parent is None:
            return None
        try:
            return apply_to_bank(self._run.program(parent), bank, self._gamma)
        except ProgramError:
            return None


def _screened(
    order: Screen,
    verdict: ScreenVerdict,
    share: float | None = None,
    concerns: tuple[str, ...] = (),
) -> ScreenState:
    return ScreenState(
        program=order.program,
        verdict=verdict,
        share=share,
        concerns=concerns,
        rule=order.rule,
        measure=order.measure,
        threshold=order.threshold,
    )
