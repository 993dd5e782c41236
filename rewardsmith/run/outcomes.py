"""Outcomes of requests, trials, screenings, audits and exploit searches: the parts of a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rewardsmith.types import Outcome, Slot

TrialKey = tuple[str, int, str]  # program, seed, rung
ScreenVerdict = Literal["passed", "failed", "unscreened"]


class Record(BaseModel):
    """A part of the state that an event carries whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass
class SlotState:
    """The outcome of one request.

    Attributes:
        program: None when the reply held no usable code.
        outcome: what kind of reply it was, see :data:`rewardsmith.types.Outcome`; empty until it is
            checked.
        tokens, usd: what it cost; usd is None where the price is unknown.
    """

    slot: Slot
    request: str = ""
    occurrence: int = 0
    parents: tuple[str, ...] = ()
    settled: bool = False
    program: str | None = None
    accepted: bool = False
    findings: tuple[str, ...] = ()
    outcome: Outcome | Literal[""] = ""
    tokens: int = 0
    usd: float | None = None

    @property
    def holds_code(self) -> bool:
        """Whether the writer answered with something that findings can be about."""
        return self.outcome in ("code", "no_code")


class TrialState(Record):
    """One training and its evaluation.

    Attributes:
        status: ``finished``, ``program_failed`` (a finding of the program) or ``failed`` (not its
            fault).
        fitness: mean over the evaluation episodes; None unless finished.
        success_rate: share of solved evaluation episodes; None where the task defines no success.
        validation: mean fitness over the episodes on which checkpoints were ranked, which no score
            uses; it decides which policy is exported.
        steps: environment steps taken, training and evaluation together.
        continued: how the training went on after each interruption, in words.
    """

    program: str
    seed: int
    rung: str
    status: Literal["finished", "program_failed", "failed"]
    fitness: float | None = None
    success_rate: float | None = None
    own_return: float | None = None
    validation: float | None = None
    steps: int = 0
    wall_s: float = 0.0
    message: str = ""
    continued: tuple[str, ...] = ()

    @property
    def key(self) -> TrialKey:
        """Program, seed and rung: no two trials of a run share them."""
        return self.program, self.seed, self.rung


class ScreenState(Record):
    """The outcome of the screening of a program.

    Attributes:
        verdict: ``passed``, ``failed``, or ``unscreened`` where there were too few recorded
            episodes.
        share: share in order of what the rule counts; None when unscreened, or when the program
            failed on the episodes.
        concerns: codes of what is suspected, see :mod:`rewardsmith.evidence.audit`.
    """

    program: str
    verdict: ScreenVerdict
    share: float | None = None
    rule: str = ""
    measure: str = ""
    threshold: float = 0.0
    concerns: tuple[str, ...] = ()


class AuditState(Record):
    """The outcome of the audit of a program's subgoals.

    Attributes:
        trust: subgoal -> what its evidence is, see :data:`rewardsmith.run.records.Trust`.
    """

    program: str
    verdict: Literal["passed", "refused"]
    trust: Mapping[str, str] = {}

    @property
    def refused(self) -> bool:
        """Whether the program may not be trained."""
        return self.verdict == "refused"


ExploitVerdict = Literal["exploited", "undiscounted", "none", "unknown"]


class ExploitState(Record):
    """The outcome of the exploit search on a program.

    Attributes:
        verdict: ``exploited`` if a failure has a higher discounted return than the lower decile of
            the successes, ``undiscounted`` if only its plain sum is higher, ``none`` if there is no
            such failure, ``unknown`` if there are too few successes.
        margin: the discounted return of success above that of the best failure, in units of the
            mean absolute return; None if unknown.
        successes, failures: number of episodes that were compared.
        finding: the exploit in words; empty without one.
        trained: whether the episodes of exploiters were among them. A program with an exploit in
            recorded episodes needs none, and the budget may not allow them.
    """

    program: str
    verdict: ExploitVerdict
    margin: float | None = None
    successes: int = 0
    failures: int = 0
    finding: str = ""
    trained: bool = True
