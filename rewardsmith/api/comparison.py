"""Runs and train results side by side, and the significance of their differences."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from rewardsmith.errors import UsageError
from rewardsmith.evidence.appraisal import appraise_in_run
from rewardsmith.run.best import Best, best_program
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.scores import fitness_by_seed, score_difference
from rewardsmith.run.state import RunState
from rewardsmith.run.wording import cost, proof
from rewardsmith.types import Difference, Interval


@dataclass(frozen=True)
class ComparedRun:
    """One row of a comparison.

    Attributes:
        run: name of the run, or of the train result.
        kind: ``run``, or ``train`` for a train result.
        written_by: the writer of its programs.
        program: id of its best program.
        rung: the seeds that the scores come from, report or selection.
        fitness: fitness of the best program.
        native: fitness of the native reward on the same seeds; None if it was not trained on them.
        training_steps: environment steps of each training.
        tokens: tokens that the run used.
        cost: the money that it spent, in words.
        steps: environment steps of all trainings and evaluations.
        active_s: seconds during which it was active.
        difference: fitness minus that of the first run, paired by training seed where both have
            some in common; None for the first run, and where one is a run without a report.
        apart, apart_epic: STARC and EPIC distance of its reward to that of the first run; None
            where they cannot be measured.
        proof: whether the difference is significant, in words; empty for the first run.
        note: how its trainings differ from those of the first run, in words; empty if the step
            budget and the other training settings are the same.
    """

    run: str
    kind: str
    written_by: str
    program: str
    rung: str
    fitness: Interval
    native: Interval | None
    training_steps: int
    tokens: int
    cost: str
    steps: int
    active_s: float
    difference: Difference | None
    apart: float | None
    apart_epic: float | None
    proof: str
    note: str


class Comparable(Protocol):
    """A run or a train result."""

    @property
    def folder(self) -> RunFolder | Path:
        """Its folder."""


def compare_with(first: Comparable, others: Sequence[Comparable]) -> list[ComparedRun]:
    """Compare with the first, see :func:`compared`."""
    folders = [result.folder for result in (first, *others)]
    return compared([RunFolder(it) if isinstance(it, Path) else it for it in folders])


class _Side(NamedTuple):
    """A run or a train result with what its folder says."""

    folder: RunFolder
    state: RunState
    best: Best

    @property
    def fitness(self) -> dict[int, float]:
        """Training seed -> fitness, of seeds on which the program was not chosen."""
        rung = "report" if self.folder.kind == "run" else "selection"
        return fitness_by_seed(self.state, self.best.id, rung)


def compared(results: Sequence[RunFolder]) -> list[ComparedRun]:
    """Compare runs and train results with the first of them.

    Raises:
        UsageError: fewer than two, or of tasks whose fitness is measured differently.
        NoProgram: one has no program with a score.
    """
    if len(results) < 2:
        raise UsageError("one run cannot be compared", "name two or more: rewardsmith list")
    tasks = {found.task().measure_digest: found.asked().task for found in results}
    if len(tasks) > 1:
        raise UsageError(
            f"the runs are of different tasks, or of versions of a task that measure fitness "
            f"differently: {', '.join(tasks.values())}",
            "compare runs of one task",
        )
    first, *others = map(_side, results)
    return [_row(first, None), *(_row(other, first) for other in others)]


def program_difference(one: RunFolder, other: RunFolder) -> str:
    """The best programs of two runs or train results, as a diff."""
    before, after = (_side(found).best.source.splitlines() for found in (one, other))
    return "\n".join(difflib.unified_diff(before, after, one.name, other.name, lineterm=""))


def _side(folder: RunFolder) -> _Side:
    state = fold(folder.events())
    return _Side(folder, state, best_program(folder, state))


def _row(side: _Side, first: _Side | None) -> ComparedRun:
    folder, state, best = side
    difference = _difference(side, first) if first is not None else None
    apart, apart_epic = _apart(side, first) if first is not None else (None, None)
    return ComparedRun(
        run=folder.name,
        kind=folder.kind,
        written_by=folder.asked().written_by,
        program=best.id,
        rung=best.rung,
        fitness=best.score,
        native=best.native,
        training_steps=folder.asked().steps,
        tokens=state.tokens,
        cost=cost(state) if state.tokens else "nothing",
        steps=state.steps,
        active_s=round(state.active_s, 3),
        difference=difference,
        apart=apart,
        apart_epic=apart_epic,
        proof=proof(difference) if first is not None else "",
        note=_note(folder, first.folder) if first is not None else "",
    )


def _apart(side: _Side, first: _Side) -> tuple[float | None, float | None]:
    """STARC and EPIC distance of two programs, on the recorded episodes of a run.

    They are those of the first run if the other is a train result, which has none of a random
    policy.
    """
    own, other = (side, first) if side.state.preflight is not None else (first, side)
    if own.state.preflight is None:
        return None, None
    found = appraise_in_run(own.folder, own.state, own.best.id, (other.folder, other.best.id))
    if found is None:
        return None, None
    return found.quality.from_parent, found.quality.epic_from_parent


def _difference(side: _Side, first: _Side) -> Difference | None:
    return score_difference(side.fitness, first.fitness, side.folder.task().spec.fitness.possible)


def _note(folder: RunFolder, first: RunFolder) -> str:
    """How the trainings of two folders differ, in words."""
    steps, before = folder.asked().steps, first.asked().steps
    one, other = (found.task().spec.training.model_dump() for found in (folder, first))
    differing = [name for name in one if name != "steps" and one[name] != other[name]]
    parts = []
    if steps != before:
        parts.append(
            f"The step budgets differ: each training of {folder.name} has {steps:,} steps, of "
            f"{first.name} {before:,}."
        )
    if differing:
        parts.append(
            f"The training settings of {folder.name} and {first.name} differ: "
            f"{', '.join(differing)}."
        )
    if parts:
        parts.append("Part of the difference of fitness may come from that.")
    return " ".join(parts)
