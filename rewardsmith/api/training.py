"""Train agents with a given program, without a search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rewardsmith.api.export.policy import export_policy
from rewardsmith.api.programs import AnyProgram, program_file, trainable_program
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.training import Trainings, trained
from rewardsmith.engine.workers.executor import ONE_CORE, Execution, Executor, Resources
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.program import NATIVE, CheckedProgram
from rewardsmith.run.best import shipped_trial
from rewardsmith.run.config import TrainConfig
from rewardsmith.run.creation import create_train_result
from rewardsmith.run.event import Event
from rewardsmith.run.events import Admitted, Checked, Worked, fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.names import open_result
from rewardsmith.run.orders import Train
from rewardsmith.run.scores import fitness_by_seed, native_score
from rewardsmith.run.seals import seal_of
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import POLICY
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.types import Interval, Slot

if TYPE_CHECKING:
    from rewardsmith.api.comparison import Comparable, ComparedRun


@dataclass(frozen=True)
class TrainResult:
    """The result of training a program, of :func:`train_program` and :func:`load_training`.

    Attributes:
        program: id of the program.
        steps: training steps of each training.
        score, native: fitness over the training seeds; None if a training did not finish, or the
            native reward was not trained.
        fitness, native_fitness: training seed -> fitness, of the trainings that finished.
        folder: the folder of curves, checkpoints and results.
        policy: folder of the ``policy.zip`` with the highest validation fitness;
            None if no training finished.
        failures: messages of trainings that did not finish.
    """

    program: str
    steps: int
    score: Interval | None
    native: Interval | None
    fitness: dict[int, float]
    native_fitness: dict[int, float]
    folder: Path
    policy: Path | None = None
    failures: tuple[str, ...] = ()

    def compare(self, *others: Comparable) -> list[ComparedRun]:
        """Compare this result with others and with runs, see :meth:`Run.compare`.

        Args:
            others: runs and train results of the same task.

        Raises:
            UsageError: there is no other, or one is of a different task.
            NoProgram: one has no program with a score.
        """
        from rewardsmith.api.comparison import compare_with

        return compare_with(self, others)

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
    taken = steps or resolved.spec.training.steps
    config = TrainConfig(
        task=resolved.name, program=checked.id, file=program_file(program), steps=taken
    )
    folder = create_train_result(Path(runs), config, resolved, checked)
    names, each = (checked.id, NATIVE) if native else (checked.id,), tuple(range(seeds))
    orders = [Train(name, each, "selection", taken) for name in names]
    training = _Training(folder, observer or Observer())
    training.begin(checked, orders)
    with (
        folder.lock(),
        Execution(executor, workers, needs).opened(resolved.spec.env.exclusive) as opened,
    ):
        training.carry_out(Trainings(folder, resolved, device, opened, needs), orders)
        training.export(checked.id, opened)
    return train_result(folder)


def load_training(name: str | Path, runs: str | Path = "runs") -> TrainResult:
    """The result of an earlier :func:`train_program`.

    Args:
        name: as :func:`rewardsmith.load_run` takes it.

    Raises:
        RunError: there is none.
        UsageError: several fit, or it is a run.

    Example:
        rs.load_training("train-mountain-car-1a2b3c4d").compare(rs.load_run("last"))
    """
    return train_result(open_result(name, Path(runs)))


def train_result(folder: RunFolder) -> TrainResult:
    """Read a result from its folder.

    Raises:
        UsageError: it is the folder of a run.
    """
    config, state = folder.asked(), fold(folder.events())
    if not isinstance(config, TrainConfig):
        raise UsageError(
            f"{folder.name} is a run, expected the result of a training", "open it with rs.load_run"
        )
    return TrainResult(
        program=config.program,
        steps=config.steps,
        score=state.score(config.program),
        native=native_score(state, config.program, "selection"),
        fitness=fitness_by_seed(state, config.program, "selection"),
        native_fitness=fitness_by_seed(state, NATIVE, "selection"),
        folder=folder.path,
        policy=folder.export_folder if (folder.export_folder / POLICY).exists() else None,
        failures=tuple(trial.message for trial in state.trials.values() if trial.message),
    )


class _Training:
    """Trains a program and records what happens, as a run does."""

    def __init__(self, folder: RunFolder, observer: Observer) -> None:
        self._folder = folder
        self._log = folder.events()
        self._observer = observer
        self._state = RunState()

    def begin(self, program: CheckedProgram, orders: Sequence[Train]) -> None:
        """Record the program and the trials to come: a score needs all of them."""
        self._record(
            Checked(
                slot=Slot(0, 0),
                program=program.id,
                accepted=True,
                outcome="code",
                findings=(),
                functions=tuple(program.verdict.entries),
                seal=seal_of(program),
                size=program.size,
            )
        )
        keys = [(order.program, seed, order.rung) for order in orders for seed in order.seeds]
        self._record(Admitted(trials=tuple((key, orders[0].steps) for key in keys)))

    def carry_out(self, trainings: Trainings, orders: Sequence[Train]) -> None:
        """Train the agents.

        Raises:
            BoundaryError: every training failed through no fault of the program.
        """
        self._observer.doing(f"training {len(self._state.admitted)} agents")
        begun, failures = time.monotonic(), list[BoundaryError]()
        for trial, outcome in trainings.carry_out(orders, self._observer.progress):
            if isinstance(outcome, BoundaryError):
                failures.append(outcome)
            event = self._record(trained(trial, outcome))
            self._observer.event(event, self._state)
        self._record(Worked(wall_s=time.monotonic() - begun))
        if len(failures) == len(self._state.admitted):
            raise failures[0]

    def export(self, program: str, executor: Executor) -> None:
        """Export the policy with the highest validation fitness, if a training finished."""
        if fitness_by_seed(self._state, program, "selection"):
            self._folder.export_folder.mkdir(exist_ok=True)
            trial = shipped_trial(self._state, program)
            export_policy(self._folder, trial, self._folder.export_folder, executor)

    def _record(self, event: Event) -> Event:
        event = self._log.append(event)
        event.apply(self._state)
        return event
