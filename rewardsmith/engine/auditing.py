"""Audit orders -> verdicts: subgoals are held against known behaviour before agents are paid for them.

What its writer may be told lies in the program's folder before the event that speaks of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from rewardsmith.bank import Bank
from rewardsmith.engine.bank import UNTAUGHT, RunBank
from rewardsmith.engine.judging import read_verdict
from rewardsmith.errors import ProgramError
from rewardsmith.events import finite
from rewardsmith.feedback.subgoals import Behaviour, Reached, concerns, reached, subgoal_rows
from rewardsmith.look import shapes_in
from rewardsmith.orders import Audit
from rewardsmith.program import Verdict
from rewardsmith.sandbox.host import ProgramHost
from rewardsmith.state import RunState
from rewardsmith.store import RunFolder, write_whole
from rewardsmith.task.labels import label_function
from rewardsmith.task.loading import Task
from rewardsmith.types import Array

AUDIT = "subgoals.json"  # in a program's folder
_TRAJECTORIES = 5000  # at most: that false alarms are rare takes thousands of transitions to show
_AT_ONCE = 8192  # transitions per call


Votes = Mapping[str, tuple[int, int]]  # subgoal -> (yes, asked)


class Auditor:
    """Holds the subgoals of a run's programs against its bank."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._bank = RunBank(run, _TRAJECTORIES)
        self._task = run.task()

    def audit(self, order: Audit, state: RunState, votes: Votes) -> dict[str, Any]:
        """The verdict, as the data of its event.

        Args:
            votes: what a model says of steps in which a subgoal comes true.

        Raises:
            BoundaryError: the sandbox failed, or the task's labels did.
        """
        bank = self._bank.before(state, state.programs[order.program].round)
        verdict = read_verdict(self._run, order.program)
        try:
            found = audited(self._task, self._run.program_source(order.program), verdict, bank, votes)
        except ProgramError as error:
            return self._kept(order, [], [str(error)], refused=True)
        suspected = [concern for one in found for concern in concerns(one, order.most_false)]
        refused = any(concern.severity == "error" for concern in suspected)
        return self._kept(order, found, list(map(str, suspected)), refused)

    def _kept(self, order: Audit, found: list[Reached], suspected: list[str], refused: bool) -> dict[str, Any]:
        told = {"rows": subgoal_rows(found), "concerns": suspected, "refused": refused, "most_false": order.most_false}
        path = self._run.program_folder(order.program) / AUDIT
        write_whole(path, json.dumps(finite(told), indent=1, allow_nan=False) + "\n")
        trust = {one.name: one.trust for one in found}
        return {"program": order.program, "verdict": "refused" if refused else "passed", "trust": trust}


def audited(task: Task, source: str, verdict: Verdict, bank: Bank, votes: Votes) -> list[Reached]:
    """When each subgoal of an accepted program comes true on a bank.

    Raises:
        ProgramError: the program broke on it.
        BoundaryError: the sandbox failed, or the task's labels did.
    """
    known = known_behaviour(task, bank)
    found = held(source, verdict, bank).items()
    return [reached(name, holds, known, votes.get(name, (0, 0))) for name, holds in found]


def held(source: str, verdict: Verdict, bank: Bank) -> Mapping[str, Array]:
    """Where each subgoal holds, all trajectories one after the other: name -> (N,), bool."""
    entry = verdict.entries["subgoals"]
    columns = bank.columns(entry.arguments)
    with ProgramHost(source, entry, shapes_in(columns), capacity=_AT_ONCE) as host:
        terms = host(columns).terms
    return {name: values > 0.5 for name, values in terms.items()}


def known_behaviour(task: Task, bank: Bank) -> Behaviour:
    """What is known of a bank's trajectories, the task's own labels among it."""
    label = label_function(task)
    labelled = [label(episode) for episode in bank.episodes]
    return Behaviour(
        lengths=bank.lengths,
        success=np.array([bool(one.success) for one in bank.trajectories], bool),
        untaught=np.array([one.origin in UNTAUGHT for one in bank.trajectories], bool),
        labels={name: np.concatenate([one[name] for one in labelled]) for name in (labelled[0] if labelled else ())},
    )


def read_audit(run: RunFolder, program: str) -> dict[str, Any] | None:
    """What the audit found about a program's subgoals; None where there was none."""
    path = run.program_folder(program) / AUDIT
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found
