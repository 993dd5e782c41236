"""What happens in a run: one frozen record per kind of event, and how each changes the state.

An event is written after the files that it speaks of: what the log names exists. The log itself is
:class:`rewardsmith.run.event_log.EventLog`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rewardsmith.episodes.preflight import Preflight
from rewardsmith.llm.protocol import FinishReason
from rewardsmith.run.event import Event
from rewardsmith.run.judge_events import Compared, ComparisonsAsked, Learned
from rewardsmith.run.orders import SEARCH_RUNGS
from rewardsmith.run.outcomes import (
    AuditState,
    ExploitState,
    ScreenState,
    SlotState,
    TrialKey,
    TrialState,
)
from rewardsmith.run.state import RunState
from rewardsmith.run.user_events import BudgetRaised, Commented, Judged, Widened
from rewardsmith.types import Outcome, Slot


class PreflightDone(Event):
    """The environment was run under a random policy, and the learner fits it."""

    kind: ClassVar[str] = "preflight"
    found: Preflight

    def apply(self, state: RunState) -> None:
        state.preflight = self.found
        state.steps += self.found.steps


class Admitted(Event):
    """The budget admitted a wave of requests and trials; it stays admitted after a crash.

    Attributes:
        trials: each with its training steps.
    """

    kind: ClassVar[str] = "admitted"
    slots: tuple[Slot, ...] = ()
    trials: tuple[tuple[TrialKey, int], ...] = ()

    def apply(self, state: RunState) -> None:
        keys = [key for key, _ in self.trials]
        state.wave = frozenset([*self.slots, *keys])
        if any(rung not in SEARCH_RUNGS for _, _, rung in keys):
            state.close()
        else:
            state.earlier_looks = len(state.looks)
        state.admitted.update(self.trials)


class Answered(Event):
    """The base of events about a reply.

    Attributes:
        request: digest of the request.
        occurrence: rank among the requests with this digest.
        usd: None where the price is unknown.
    """

    request: str
    occurrence: int
    tokens: int = 0
    usd: float | None = None


class Replied(Answered):
    """The writer replied to a request for a program; the reply itself lies in the log of replies.

    Attributes:
        parents: programs that the request shows.
    """

    kind: ClassVar[str] = "replied"
    slot: Slot
    parents: tuple[str, ...] = ()
    finish_reason: FinishReason = "stop"
    latency_s: float = 0.0

    def apply(self, state: RunState) -> None:
        state.slots[self.slot] = SlotState(
            self.slot,
            self.request,
            self.occurrence,
            self.parents,
            tokens=self.tokens,
            usd=self.usd,
        )
        state.spend(self.tokens, self.usd)


class Checked(Event):
    """A reply was checked; or the program of ``rewardsmith train``, which answers no request.

    Attributes:
        program: None when the reply held no usable code.
        functions: that the program defines.
        seal: digest of the program and its verdict; empty without a program.
        size: number of nodes of its syntax tree; of tied programs, the smaller one leads.
        findings: for the writer, in words.
    """

    kind: ClassVar[str] = "checked"
    slot: Slot
    program: str | None
    accepted: bool
    outcome: Outcome
    findings: tuple[str, ...]
    functions: tuple[str, ...] = ()
    seal: str = ""
    size: int = 0

    def apply(self, state: RunState) -> None:
        entry = state.slots.setdefault(self.slot, SlotState(self.slot))
        entry.settled = True
        entry.program, entry.accepted = self.program, self.accepted
        entry.findings, entry.outcome = self.findings, self.outcome
        if self.program is None:
            return
        if self.seal:
            state.seals.setdefault(self.program, self.seal)
        if self.accepted:
            first = state.programs.get(self.program, self.slot)
            state.programs[self.program] = min(first, self.slot)
            state.functions[self.program] = self.functions
            state.sizes[self.program] = self.size


class Derived(Event):
    """A program was made of some functions of another, whose slot it shares.

    Attributes:
        whole: the other program.
        kept: the functions.
        program: None if the result is refused.
        size: number of nodes of its syntax tree.
    """

    kind: ClassVar[str] = "derived"
    whole: str
    kept: tuple[str, ...]
    program: str | None
    seal: str
    size: int = 0

    def apply(self, state: RunState) -> None:
        state.derived[self.whole, self.kept] = self.program
        if self.program is not None:
            state.programs.setdefault(self.program, state.programs[self.whole])
            state.functions[self.program] = self.kept
            state.sizes[self.program] = self.size
            state.seals.setdefault(self.program, self.seal)


class Screened(Event):
    """A reward was screened on recorded episodes."""

    kind: ClassVar[str] = "screened"
    screen: ScreenState

    def apply(self, state: RunState) -> None:
        state.screens[self.screen.program] = self.screen


class SimilarityMeasured(Event):
    """The rewards of a program were compared with those of earlier programs.

    Attributes:
        similarity: earlier program -> cosine of the angle between the rewards of both.
    """

    kind: ClassVar[str] = "similarity_measured"
    program: str
    similarity: dict[str, float]

    def apply(self, state: RunState) -> None:
        state.similarity[self.program] = self.similarity


class Consulted(Answered):
    """A model answered as a judge; it costs what a request costs.

    Attributes:
        program: that the question is about; empty where it compares episodes.
    """

    kind: ClassVar[str] = "consulted"
    program: str = ""

    def apply(self, state: RunState) -> None:
        state.consulted.add((self.request, self.occurrence))
        state.spend(self.tokens, self.usd)


class Audited(Event):
    """The subgoals of a program were audited on recorded episodes."""

    kind: ClassVar[str] = "audited"
    audit: AuditState

    def apply(self, state: RunState) -> None:
        state.audits[self.audit.program] = self.audit


class ScriptsPlayed(Event):
    """Episodes of scripted actions were recorded.

    Attributes:
        steps: environment steps that they took.
    """

    kind: ClassVar[str] = "scripts_played"
    steps: int

    def apply(self, state: RunState) -> None:
        state.close()
        state.scripted = True
        state.steps += self.steps


class ExploitsSearched(Event):
    """Exploits of a program were searched for, by exploiters and among recorded episodes."""

    kind: ClassVar[str] = "exploits_searched"
    found: ExploitState

    def apply(self, state: RunState) -> None:
        state.exploits[self.found.program] = self.found
        state.exported = None


class Extended(Event):
    """The search got one more round, because its best program did not hold."""

    kind: ClassVar[str] = "extended"
    reason: str

    def apply(self, state: RunState) -> None:
        state.extra_rounds += 1


class Trained(Event):
    """A trial ended, or failed.

    Attributes:
        digest: of all that can change its result; empty for a trial that failed.
    """

    kind: ClassVar[str] = "trained"
    trial: TrialState
    digest: str = ""

    def apply(self, state: RunState) -> None:
        state.trials[self.trial.key] = self.trial
        state.exported = None  # its numbers and its policy may be others now
        state.steps += self.trial.steps


class Worked(Event):
    """The engine worked for so many seconds of wall time."""

    kind: ClassVar[str] = "worked"
    wall_s: float

    def apply(self, state: RunState) -> None:
        state.active_s += self.wall_s


class Resumed(Event):
    """A session resumed the run: trials that failed through no fault of a program are repeated."""

    kind: ClassVar[str] = "resumed"

    def apply(self, state: RunState) -> None:
        state.stopped = None
        kept = {key: trial for key, trial in state.trials.items() if trial.status != "failed"}
        state.trials = kept


class Refused(Event):
    """The budget refused further requests; existing programs are still trained."""

    kind: ClassVar[str] = "refused"
    reason: str

    def apply(self, state: RunState) -> None:
        state.refused = self.reason


class Stopped(Event):
    """The search ended."""

    kind: ClassVar[str] = "stopped"
    reason: str

    def apply(self, state: RunState) -> None:
        state.stopped = self.reason


class Exported(Event):
    """The best program was exported."""

    kind: ClassVar[str] = "exported"
    program: str

    def apply(self, state: RunState) -> None:
        state.exported = self.program


_ALL: tuple[type[Event], ...] = (
    PreflightDone,
    Admitted,
    Replied,
    Checked,
    Derived,
    Screened,
    SimilarityMeasured,
    ComparisonsAsked,
    Compared,
    Learned,
    Consulted,
    Audited,
    ScriptsPlayed,
    ExploitsSearched,
    Extended,
    Commented,
    Judged,
    Widened,
    Trained,
    Worked,
    BudgetRaised,
    Resumed,
    Refused,
    Stopped,
    Exported,
)
KINDS = {event.kind: event for event in _ALL}


def fold(events: Iterable[Event]) -> RunState:
    """The state after these events."""
    state = RunState()
    for event in events:
        event.apply(state)
    return state
