"""Audit one program: train agents with it, and search for failures that it prefers to success."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.api.programs import AnyProgram, trainable_program
from rewardsmith.api.runs import Run, design
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.workers.executor import ONE_CORE, Executor, Resources
from rewardsmith.run.outcomes import ExploitState
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.types import Interval
from rewardsmith.writers.recorded import RecordedReplies, RecordedReply


@dataclass(frozen=True)
class ExploitReport:
    """The result of an audit.

    Attributes:
        program: id of the program.
        fitness: of the agents that were trained with it; None if a training failed.
        exploits: the outcome of the exploit search.
        run: the run that was made for the audit, with the exploit as an episode and the report.
    """

    program: str
    fitness: Interval | None
    exploits: ExploitState
    run: Run


def audit(
    program: AnyProgram,
    task: Task | str,
    *,
    seeds: int = 5,
    steps: int | None = None,
    bank: Sequence[str | Path] = (),
    device: str = "auto",
    workers: int | None = None,
    executor: str | Executor = "local",
    needs: Resources = ONE_CORE,
    runs: str | Path = "runs",
    observer: Observer | None = None,
) -> ExploitReport:
    """Train agents with a program, and search for failures that it prefers to success.

    The failures are those of the agents, of scripted actions, and of agents that are trained to
    avoid success. A search needs five successes; give more as ``bank`` if the agents have fewer.

    Args:
        program: as :func:`rewardsmith.check` takes it.
        task: a task, its name, or its folder.
        seeds: number of trainings, with seeds 0, 1, …
        steps: training steps of each; by default the task's.
        bank: runs of the same task, or files of recorded episodes, whose episodes count too.
        workers, executor, needs: as :func:`rewardsmith.design` takes them.

    Raises:
        UsageError: the file cannot be read, or the program is refused.
        NoProgram: no training finished.
        BoundaryError: every training failed through no fault of the program.
        RunError: the folder cannot be written.

    Example:
        found = rs.audit("my_reward.py", "mountain-car")
        found.exploits.verdict, found.exploits.finding
    """
    resolved = resolve_task(task)
    checked = trainable_program(program, resolved)
    reply = RecordedReply(round=0, sample=0, text=f"```python\n{checked.source}\n```")
    run = design(
        resolved,
        replies=RecordedReplies(model="the author of the program", replies=(reply,)),
        strategy="eureka",
        options={"rounds": 1, "samples": 1, "repairs": 0, "seeds": seeds},
        produce=tuple(checked.verdict.entries),
        report_seeds=0,
        steps=steps,
        bank=tuple(bank),
        device=device,
        workers=workers,
        executor=executor,
        needs=needs,
        runs=runs,
        observer=observer,
    )
    state = run.state
    unknown = ExploitState(program=checked.id, verdict="unknown", trained=False)
    found = state.exploits.get(checked.id, unknown)
    return ExploitReport(checked.id, state.score(checked.id), found, run)
