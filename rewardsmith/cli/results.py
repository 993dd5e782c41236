"""The result of a run as a record, for ``--json``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rewardsmith.api.export.provenance import policy_source
from rewardsmith.run.best import shipped_trial
from rewardsmith.run.costs import Spent, spent_in
from rewardsmith.run.folder import REPORT
from rewardsmith.run.scores import native_difference, seeds_of, transfer_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rewardsmith.api.export.provenance import PolicySource
    from rewardsmith.api.runs import Run
    from rewardsmith.evidence.diagnosis import RunDiagnosis
    from rewardsmith.run.best import Best
    from rewardsmith.run.outcomes import ExploitState, TrialState
    from rewardsmith.run.state import RunState
    from rewardsmith.types import Interval, SeedSummary, Slot


@dataclass(frozen=True)
class TransferResult:
    """Fitness of another algorithm, with the program and with the native reward."""

    algorithm: str
    fitness: Interval
    native: Interval


@dataclass(frozen=True)
class BestResult:
    """The best program; its scores are on the seeds of ``rung``."""

    program: str
    slot: Slot
    rung: str
    fitness: Interval
    native: Interval | None
    difference: Interval | None
    solved: bool | None
    seeds: SeedSummary | None
    policy: PolicySource
    exploits: ExploitState | None
    transfer: TransferResult | None
    source: str


@dataclass(frozen=True)
class SlotResult:
    """A request and the program that was written for it."""

    slot: Slot
    program: str | None
    accepted: bool
    findings: Sequence[str]
    parents: Sequence[str]
    outcome: str | None
    tokens: int
    usd: float | None
    selection: Interval | None
    report: Interval | None


@dataclass(frozen=True)
class RunResult:
    """The result of a run; ``best`` is None while no program has a score.

    ``looks`` are the programs that were compared on report seeds, in order.
    """

    run: str
    path: str
    task: str
    stopped: str | None
    sandbox: str
    exported: str | None
    report: str | None
    best: BestResult | None
    diagnosis: RunDiagnosis | None
    looks: Sequence[str]
    spent: Spent
    screened: dict[str, int]
    warnings: Sequence[str]
    programs: Sequence[SlotResult]
    trials: Sequence[TrialState]


def run_result(run: Run) -> RunResult:
    """The result of a run so far."""
    folder, state, report = run.folder, run.state, run.path / REPORT
    spent = spent_in(state)
    return RunResult(
        run=folder.name,
        path=str(run.path),
        task=folder.task().name,
        stopped=state.stopped,
        sandbox=folder.manifest()["sandbox"]["level"],
        exported=str(folder.export_folder) if state.exported else None,
        report=str(report) if report.exists() else None,
        best=_best(run, run.best) if state.best else None,
        diagnosis=run.diagnosis if state.best else None,
        looks=state.looks,
        spent=replace(spent, active_s=round(spent.active_s, 3)),
        screened=state.screen_verdicts(),
        warnings=state.preflight.warnings if state.preflight is not None else (),
        programs=[_slot(state, slot) for slot in sorted(state.slots)],
        trials=list(map(state.trials.__getitem__, sorted(state.trials))),
    )


def _best(run: Run, best: Best) -> BestResult:
    state, solved = run.state, run.folder.task().spec.fitness.solved
    return BestResult(
        program=best.id,
        slot=state.programs[best.id],
        rung=best.rung,
        fitness=best.score,
        native=best.native,
        difference=native_difference(state, best.id) if best.rung == "report" else None,
        solved=None if solved is None else best.score.mean >= solved,
        seeds=seeds_of(state, best.id, best.rung, solved),
        policy=policy_source(shipped_trial(state, best.id), has_fitness=state.has_fitness),
        exploits=state.exploits.get(best.id),
        transfer=_transfer(run, best),
        source=best.source,
    )


def _transfer(run: Run, best: Best) -> TransferResult | None:
    algorithm, scores = run.folder.config().also, transfer_scores(run.state, best.id)
    if algorithm is None or scores is None:
        return None
    return TransferResult(algorithm.upper(), *scores)


def _slot(state: RunState, slot: Slot) -> SlotResult:
    entry = state.slots[slot]
    program = entry.program
    return SlotResult(
        slot=slot,
        program=program,
        accepted=entry.accepted,
        findings=entry.findings,
        parents=entry.parents,
        outcome=entry.outcome or None,
        tokens=entry.tokens,
        usd=entry.usd,
        selection=state.score(program) if program else None,
        report=state.score(program, "report") if program else None,
    )
