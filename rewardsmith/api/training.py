"""Train agents with a given program, without a search."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rewardsmith.api.export.policy import export_policy
from rewardsmith.api.programs import AnyProgram, trainable_program
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.training import Trainings, trained
from rewardsmith.engine.workers.executor import ONE_CORE, Execution, Executor, Resources
from rewardsmith.errors import BoundaryError
from rewardsmith.journal import disk_error
from rewardsmith.program import NATIVE, CheckedProgram
from rewardsmith.run.best import shipped_trial
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import Train
from rewardsmith.run.scores import fitness_by_seed
from rewardsmith.run.state import RunState
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.types import Interval


@dataclass(frozen=True)
class TrainResult:
    """The result of training a program.

    Attributes:
        program: id of the program.
        score, native: fitness over the training seeds; None if a training did not finish, or the
            native reward was not trained.
        fitness, native_fitness: training seed -> fitness, of the trainings that finished.
        folder: the folder of curves, checkpoints and results.
        policy: folder of the ``policy.zip`` with the highest validation fitness;
            None if no training finished.
        failures: messages of trainings that did not finish.
    """

    program: str
    score: Interval | None
    native: Interval | None
    fitness: dict[int, float]
    native_fitness: dict[int, float]
    folder: Path
    policy: Path | None = None
    failures: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """The result as HTML, for notebooks."""
        failed = "".join(f"<li>{escape(failure)}</li>" for failure in self.failures)
        return f"<b>fitness {self.score}</b>, native {self.native}<ul>{failed}</ul>"


def train_program(
    program: AnyProgram,
    task: Task | str,
    *,
    seeds: int = 5,
    steps: int | None = None,
    native: bool = False,
    device: str = "auto",
    workers: int | None = None,
    executor: str | Executor = "local",
    needs: Resources = ONE_CORE,
    runs: str | Path = "runs",
    observer: Observer | None = None,
) -> TrainResult:
    """Train agents with the reward of a program.

    Args:
        program: as :func:`rewardsmith.check` takes it.
        task: a task, its name, or its folder.
        seeds: number of trainings, with seeds 0, 1, …
        steps: training steps of each; by default the task's.
        native: train with the native reward on the same seeds too.
        workers, executor, needs: as :func:`rewardsmith.design` takes them.

    Raises:
        UsageError: the file cannot be read, or the program is refused.
        BoundaryError: every training failed through no fault of the program.
        RunError: the folder cannot be written.

    Example:
        result = rs.train_program("my_reward.py", "mountain-car", seeds=3)
        result.score, result.policy
    """
    resolved = resolve_task(task)
    checked = trainable_program(program, resolved)
    folder = _lay_out(Path(runs), resolved, checked)
    watched, state, failures = observer or Observer(), RunState(), list[BoundaryError]()
    names = (checked.id, NATIVE) if native else (checked.id,)
    taken, each = steps or resolved.spec.training.steps, tuple(range(seeds))
    orders = [Train(name, each, "selection", taken) for name in names]
    watched.doing(f"training {len(names) * seeds} agents")
    with Execution(executor, workers, needs).opened(resolved.spec.env.exclusive) as opened:
        log = folder.events()
        trainings = Trainings(folder, resolved, device, opened, needs)
        for trial, outcome in trainings.carry_out(orders, watched.progress):
            if isinstance(outcome, BoundaryError):
                failures.append(outcome)
                continue
            event = log.append(trained(trial, outcome))
            event.apply(state)
            watched.event(event, state)
        policy = _policy(folder, state, checked.id, opened)
    if len(failures) == len(names) * seeds:
        raise failures[0]
    return _result(folder, state, checked.id, each, native, policy, failures)


def _result(
    folder: RunFolder,
    state: RunState,
    program: str,
    seeds: Sequence[int],
    native: bool,
    policy: Path | None,
    failures: Sequence[BoundaryError],
) -> TrainResult:
    return TrainResult(
        program=program,
        score=_score(state, program, len(seeds)),
        native=_score(state, NATIVE, len(seeds)) if native else None,
        fitness=fitness_by_seed(state, program, "selection"),
        native_fitness=fitness_by_seed(state, NATIVE, "selection"),
        folder=folder.path,
        policy=policy,
        failures=(*_messages(state), *(failure.message for failure in failures)),
    )


def _messages(state: RunState) -> list[str]:
    """Messages of the trainings that a failure of their program ended."""
    return [trial.message for trial in state.trials.values() if trial.message]


def _policy(folder: RunFolder, state: RunState, program: str, executor: Executor) -> Path | None:
    finished = [
        trial for trial in state.trials_of(program, "selection") if trial.own_return is not None
    ]
    if not finished:
        return None
    trial = shipped_trial(state, program)
    folder.export_folder.mkdir(exist_ok=True)
    export_policy(folder, trial, folder.export_folder, executor)
    return folder.export_folder


def _score(state: RunState, program: str, seeds: int) -> Interval | None:
    """The score over all seeds; a mean over only the finished ones would be too optimistic."""
    return state.score(program) if len(state.trials_of(program, "selection")) == seeds else None


def _lay_out(runs: Path, task: Task, program: CheckedProgram) -> RunFolder:
    """Make a folder with the task and the program in the layout of a run."""
    folder = RunFolder(runs / f"train-{task.name}-{uuid.uuid4().hex[:8]}")
    try:
        folder.path.mkdir(parents=True)
        task.freeze(folder.task_folder)
    except OSError as error:
        raise disk_error(folder.path, error) from error
    folder.write_program(program)
    return folder
