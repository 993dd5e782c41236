"""Audit orders -> verdicts: subgoals are audited on recorded episodes before agents are trained.

The feedback is in the folder of the program before its event is recorded.
"""

from __future__ import annotations

from rewardsmith.errors import ProgramError
from rewardsmith.evidence.subgoals import Votes, audit_subgoals, concerns
from rewardsmith.run.bank import RunBank
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import Audit
from rewardsmith.run.outcomes import AuditState
from rewardsmith.run.records import AuditRecord, SubgoalStatistics
from rewardsmith.run.state import RunState

_TRAJECTORIES = 5000  # at most: that false alarms are rare takes thousands of transitions to show


class Auditor:
    """Audits the subgoals of the programs of a run on its bank."""

    def __init__(self, run: RunFolder, bank: RunBank) -> None:
        self._run = run
        self._bank = bank
        self._task = run.task()

    def audit(self, order: Audit, state: RunState, votes: Votes) -> AuditState:
        """Audit the subgoals of a program on the recorded episodes of the bank.

        Args:
            votes: answers of a model about steps in which a subgoal becomes true.

        Raises:
            BoundaryError: the sandbox failed, or the task's labels did.
        """
        bank = self._bank.before(state, state.programs[order.program].round, _TRAJECTORIES)
        program = self._run.program(order.program)
        try:
            found = audit_subgoals(self._task, program, bank, votes)
        except ProgramError as error:
            return self._kept(order, [], [str(error)], refused=True)
        suspected = [concern for one in found for concern in concerns(one, order.most_false)]
        refused = any(concern.severity == "error" for concern in suspected)
        return self._kept(order, found, list(map(str, suspected)), refused)

    def _kept(
        self, order: Audit, found: list[SubgoalStatistics], suspected: list[str], refused: bool
    ) -> AuditState:
        record = AuditRecord(
            rows=found,
            concerns=suspected,
            refused=refused,
            most_false=order.most_false,
        )
        self._run.write_audit(order.program, record)
        trust = {one.name: one.trust for one in found}
        return AuditState(
            program=order.program, verdict="refused" if refused else "passed", trust=trust
        )
