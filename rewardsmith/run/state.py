"""The state of a run, folded from its events and never stored.

Programs are kept by id and slots by (round, sample, attempt): no list is parallel to another, so
nothing can be credited to the wrong program.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from rewardsmith.maths.statistics import interval
from rewardsmith.run.events import Event
from rewardsmith.types import Interval, Outcome, Slot

TrialKey = tuple[str, int, str]  # program, seed, rung
PAYS_TO_GO_ON = "RS503"
SUSPECTS_LEAD = 0.05


@dataclass
class SlotState:
    """What came of one request.

    Attributes:
        program: None when the reply held no usable code.
        outcome: what kind of reply it was, see :data:`rewardsmith.types.Outcome`; empty until it is
            judged.
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


@dataclass
class TrialState:
    """One training and its evaluation.

    Attributes:
        status: ``finished``, ``program_failed`` (a finding of the program) or ``failed`` (not its
            fault).
        fitness: mean over the evaluation episodes; None unless finished.
        success_rate: share of solved evaluation episodes; None where the task defines no success.
        steps: environment steps taken, training and evaluation together.
    """

    program: str
    seed: int
    rung: str
    status: str
    fitness: float | None = None
    success_rate: float | None = None
    own_return: float | None = None
    steps: int = 0
    wall_s: float = 0.0
    message: str = ""


@dataclass
class ScreenState:
    """What the bank said of a program before its training.

    Attributes:
        verdict: ``passed``, ``failed``, or ``unscreened`` where there was nothing to hold it
            against.
        share: of what the rule counts, how much is in order; None when unscreened, or when it
            broke.
        concerns: codes of what is suspected, see :mod:`rewardsmith.evidence.audit`.
    """

    program: str
    verdict: str
    share: float | None = None
    rule: str = ""
    measure: str = ""
    threshold: float = 0.0
    concerns: list[str] = field(default_factory=list)


@dataclass
class AuditState:
    """What known behaviour said of a program's subgoals.

    Attributes:
        trust: subgoal -> what its evidence is, see :data:`rewardsmith.evidence.subgoals.Trust`.
    """

    program: str
    verdict: str
    trust: dict[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether agents are not to be paid for them."""
        return self.verdict == "refused"


@dataclass
class RunState:
    """Everything that decisions depend on."""

    slots: dict[Slot, SlotState] = field(default_factory=dict)
    trials: dict[TrialKey, TrialState] = field(default_factory=dict)
    screens: dict[str, ScreenState] = field(default_factory=dict)
    consulted: set[tuple[str, int]] = field(
        default_factory=set
    )  # (request, occurrence) of questions to a judge
    audits: dict[str, AuditState] = field(default_factory=dict)
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of accepted programs
    derived: dict[tuple[str, tuple[str, ...]], str | None] = field(
        default_factory=dict
    )  # (whole, kept) -> program
    said: dict[str, list[str]] = field(default_factory=dict)  # program -> what a person said of it
    programs: dict[str, Slot] = field(
        default_factory=dict
    )  # accepted programs -> where each first came from
    seals: dict[str, str] = field(
        default_factory=dict
    )  # judged programs -> digest of them and their verdicts
    wave: frozenset[Slot | TrialKey] = frozenset()  # what the budget last let pass
    begun: dict[tuple[str, str], frozenset[int]] = field(
        default_factory=dict
    )  # (program, rung) -> seeds let pass
    preflight: dict[str, Any] | None = None
    budget_changes: dict[str, float] = field(default_factory=dict)
    tokens: int = 0
    usd: float = 0.0  # of what has a price
    unpriced: int = 0  # replies whose price is unknown
    requests: int = 0
    steps: int = 0
    active_s: float = 0.0
    refused: str | None = None  # why no more requests may be made, until a budget is raised
    stopped: str | None = None
    exported: str | None = None

    def round_slots(self, number: int) -> list[SlotState]:
        """The slots of a round in slot order."""
        return [state for slot, state in sorted(self.slots.items()) if slot.round == number]

    def unanswered(self) -> bool:
        """Whether requests of the last wave have no reply yet."""
        return any(isinstance(part, Slot) and part not in self.slots for part in self.wave)

    def score(self, program: str, rung: str = "selection") -> Interval | None:
        """Mean fitness over training seeds with its interval; None unless every seed that was begun finished.

        A mean over those seeds that happen to be there would change when the rest arrives, and
        flatters: what failed is missing from it.
        """
        trials = self.trials_of(program, rung)
        values = [trial.fitness for trial in trials if trial.fitness is not None]
        owed = self.begun.get((program, rung), frozenset()) - {trial.seed for trial in trials}
        return interval(values) if values and len(values) == len(trials) and not owed else None

    def trials_of(self, program: str, rung: str) -> list[TrialState]:
        """The trials of a program on a rung, by seed."""
        found = [
            trial
            for (name, _, level), trial in self.trials.items()
            if name == program and level == rung
        ]
        return sorted(found, key=lambda trial: trial.seed)

    def parent(self, program: str) -> str | None:
        """The program that one was made from: the last valid one that its request showed; None where none was."""
        shown = self.slots[self.programs[program]].parents if program in self.programs else ()
        return next((name for name in reversed(shown) if name in self.programs), None)

    def failed(self, program: str) -> bool:
        """Whether known behaviour spoke against a reward."""
        return program in self.screens and self.screens[program].verdict == "failed"

    def skipped(self) -> list[str]:
        """Programs that were not trained because known behaviour spoke against it."""
        failed = [name for name in self.screens if self.failed(name)]
        failed += [name for name, audit in self.audits.items() if audit.refused]
        return [name for name in failed if not self.trials_of(name, "selection")]

    def pays_to_go_on(self, program: str) -> bool:
        """Whether the audit found that never arriving may be paid more than arriving (RS503).

        Its agents may find that out on any further seed, so that what they did on a few says too
        much for it.
        """
        return program in self.screens and PAYS_TO_GO_ON in self.screens[program].concerns

    def ranked(self, programs: Iterable[str] | None = None) -> list[str]:
        """Programs with a selection score, best first; ties go to the program that came first.

        One that may pay more for going on than for arriving must lead by a twentieth of the way
        from random to best.
        """
        known = (
            self.programs
            if programs is None
            else {p: self.programs[p] for p in programs if p in self.programs}
        )
        scores = {
            program: score.mean for program in known if (score := self.score(program)) is not None
        }
        random = self.preflight["random_fitness"] if self.preflight is not None else [0.0]
        lead = SUSPECTS_LEAD * max(
            0.0, max(scores.values(), default=0.0) - sum(random) / len(random)
        )
        worth = {
            program: mean - lead * self.pays_to_go_on(program) for program, mean in scores.items()
        }
        return sorted(worth, key=lambda program: (-worth[program], self.programs[program], program))


def fold(events: Iterable[Event]) -> RunState:
    """The state after these events; kinds that this version does not know are skipped."""
    state = RunState()
    for event in events:
        apply_event(state, event)
    return state


def apply_event(state: RunState, event: Event) -> None:
    """Take one event into the state."""
    apply = _APPLY.get(event.kind)
    if apply is not None:
        apply(state, event.data)


def _preflight(state: RunState, data: dict[str, Any]) -> None:
    state.preflight = data
    state.steps += int(data["steps"])


def _begun(state: RunState, data: dict[str, Any]) -> None:
    """A wave of orders passed the budget's gate; what is left of it after a crash passes again."""
    slots = [Slot(*slot) for slot in data["slots"]]
    state.wave = frozenset(
        [*slots, *((program, seed, rung) for program, seed, rung in data["trials"])]
    )
    for program, seed, rung in data["trials"]:
        state.begun[program, rung] = state.begun.get((program, rung), frozenset()) | {seed}


def _replied(state: RunState, data: dict[str, Any]) -> None:
    slot = Slot(*data["slot"])
    parents, tokens, usd = (
        tuple(data.get("parents", ())),
        int(data.get("tokens") or 0),
        data.get("usd"),
    )
    state.slots[slot] = SlotState(
        slot, data["request"], data["occurrence"], parents, tokens=tokens, usd=usd
    )
    _spend(state, tokens, usd)


def _spend(state: RunState, tokens: int, usd: float | None) -> None:
    state.requests += 1
    state.tokens += tokens
    state.usd += usd or 0.0
    state.unpriced += usd is None


def _judged(state: RunState, data: dict[str, Any]) -> None:
    slot = Slot(*data["slot"])
    entry = state.slots[slot]
    entry.settled = True
    entry.program, entry.accepted, entry.findings = (
        data["program"],
        data["accepted"],
        tuple(data["findings"]),
    )
    entry.outcome = data.get("outcome", "code" if entry.program is not None else "no_code")
    if entry.program is not None and data.get("seal"):
        state.seals.setdefault(entry.program, data["seal"])
    if entry.accepted and entry.program is not None:
        first = state.programs.get(entry.program, slot)
        state.programs[entry.program] = min(first, slot)
        state.functions[entry.program] = tuple(data.get("functions", ("reward",)))


def _derived(state: RunState, data: dict[str, Any]) -> None:
    """A program of some functions of another; it stands in its place, and is never shown as an answer of its own."""
    whole, kept, program = data["whole"], tuple(data["kept"]), data["program"]
    state.derived[whole, kept] = program
    if program is not None:
        state.programs.setdefault(program, state.programs[whole])
        state.functions[program] = kept
        state.seals.setdefault(program, data["seal"])


def _screened(state: RunState, data: dict[str, Any]) -> None:
    found = ScreenState(
        **{key: value for key, value in data.items() if key in ScreenState.__dataclass_fields__}
    )
    state.screens[found.program] = found


def _consulted(state: RunState, data: dict[str, Any]) -> None:
    """A judge was asked; it costs what a request costs."""
    state.consulted.add((data["request"], data["occurrence"]))
    _spend(state, int(data.get("tokens") or 0), data.get("usd"))


def _audited(state: RunState, data: dict[str, Any]) -> None:
    state.audits[data["program"]] = AuditState(data["program"], data["verdict"], data["trust"])


def _said(state: RunState, data: dict[str, Any]) -> None:
    state.said.setdefault(data["program"], []).append(data["words"])
    state.stopped = None


def _tried(state: RunState, data: dict[str, Any]) -> None:
    trial = TrialState(
        **{key: value for key, value in data.items() if key in TrialState.__dataclass_fields__}
    )
    state.trials[trial.program, trial.seed, trial.rung] = trial
    state.exported = None  # its numbers and its policy may be others now
    state.steps += trial.steps


def _worked(state: RunState, data: dict[str, Any]) -> None:
    state.active_s += float(data["wall_s"])


def _budget(state: RunState, data: dict[str, Any]) -> None:
    state.budget_changes.update(data)
    state.refused = state.stopped = None


def _resumed(state: RunState, _: dict[str, Any]) -> None:
    """Going on: what failed through no fault of a program is owed again."""
    state.stopped = None
    state.trials = {key: trial for key, trial in state.trials.items() if trial.status != "failed"}


def _refused(state: RunState, data: dict[str, Any]) -> None:
    state.refused = data["reason"]


def _stopped(state: RunState, data: dict[str, Any]) -> None:
    state.stopped = data["reason"]


def _exported(state: RunState, data: dict[str, Any]) -> None:
    state.exported = data["program"]


_APPLY = {
    "preflight": _preflight,
    "begun": _begun,
    "replied": _replied,
    "judged": _judged,
    "derived": _derived,
    "screened": _screened,
    "consulted": _consulted,
    "audited": _audited,
    "said": _said,
    "tried": _tried,
    "worked": _worked,
    "budget": _budget,
    "resumed": _resumed,
    "refused": _refused,
    "stopped": _stopped,
    "exported": _exported,
}
