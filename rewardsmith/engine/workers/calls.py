"""The calls that a worker process carries out: preflight, train, evaluate, export, film.

The one place where the trainer and the sandbox meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rewardsmith.engine.workers.executor import Call
from rewardsmith.errors import BoundaryError, RewardsmithError
from rewardsmith.program import EntryPoint, Style
from rewardsmith.run.trials import JOB, TrialJob
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.task.layout import Layout, shapes_of
from rewardsmith.task.loading import Task

# Transitions per call: no larger batch than the checks compare with single transitions.
_AT_ONCE = 512
# A program that takes one transition at a time must answer within the host's time too.
_ROW_BY_ROW = 64


def preflight(call: Call) -> None:
    """Look at a task's environment; see :func:`rewardsmith.train.preflight.run_preflight`."""
    from rewardsmith.task.loading import load_task
    from rewardsmith.train.preflight import run_preflight

    task = load_task(str(call.task))
    with _kept_to(call.folders, task):
        run_preflight(task, call.folders[0], call.arguments["wanted"])


def train(call: Call) -> None:
    """Carry out the training of the trials of a call."""
    from rewardsmith.train.trial import run_training

    _with_program(call, run_training)


def evaluate(call: Call) -> None:
    """Measure what the training of each trial of a call left behind."""
    from rewardsmith.train.evaluation import run_evaluation

    _with_program(call, run_evaluation)


def export_policy(call: Call) -> None:
    """Write each trial's chosen checkpoint as a Stable-Baselines3 zip into its folder."""
    from rewardsmith.train.policy import export_zip

    _with_program(call, export_zip)


def film(call: Call) -> None:
    """Write the first evaluation episode of each trial of a call as a moving picture."""
    from rewardsmith.train.film import film_trial

    _with_program(call, film_trial)


CALLS: dict[str, Callable[[Call], None]] = {
    f.__name__: f for f in (preflight, train, evaluate, export_policy, film)
}


def _with_program(call: Call, run: Callable[..., Any]) -> None:
    """Run a function on each trial of a call, with its task, its job and hosts for its program."""
    from rewardsmith.task.loading import load_task

    task = load_task(str(call.task))
    with _kept_to(call.folders, task):
        for folder in call.folders:
            _on_trial(folder, task, run)


def _on_trial(folder: Path, task: Task, run: Callable[..., Any]) -> None:
    """Run a function on a trial, with a way to open hosts for its program."""
    from rewardsmith.sandbox.client.program import HostedProgram
    from rewardsmith.task.layout import shapes_of
    from rewardsmith.train.vectors import RecordedVecEnv
    from rewardsmith.types import Opened

    job = TrialJob.model_validate_json((folder / JOB).read_text(encoding="utf-8"))
    opened: list[ProgramHost | HostedProgram] = []

    def open_program(venv: RecordedVecEnv) -> Opened:
        parts: dict[str, Any] = {}
        if {"reward", "potential"} & set(job.entries):
            capacity = _AT_ONCE if job.style == "batched" else _ROW_BY_ROW
            shapes, gamma = shapes_of(venv.layout), job.training.gamma
            parts["program"] = HostedProgram(
                job.source, job.entries, shapes, capacity=capacity, style=job.style, gamma=gamma
            )
        for name in {"subgoals", "q_prior"} & set(job.entries):
            parts[name] = open_host(job.source, job.entries[name], venv.layout, capacity=_AT_ONCE)
        opened.extend(parts.values())
        return Opened(**parts)

    try:
        run(task, job, folder, open_program)
    finally:
        for host in opened:
            host.close()


@contextmanager
def _kept_to(folders: Sequence[Path], task: Task) -> Iterator[None]:
    """This call may write to its folders, and to what the task names for its environment."""
    from rewardsmith.sandbox.folder import kept_to, refused_outside

    folder, *others = folders
    others += [Path(place).expanduser() for place in task.spec.env.writes]
    with kept_to(folder, others) as held:
        try:
            yield
        except (OSError, RewardsmithError) as error:
            path = refused_outside(error, folder) if held else None
            if path is None:
                raise
            message = (
                f"{path} could not be opened or changed: this process may write only to {folder}"
            )
            hint = f"name the folder in the task: [env] writes = [{str(Path(path).parent)!r}]"
            raise BoundaryError(message, hint, where="environment") from None


def open_host(
    source: str,
    entry: EntryPoint,
    layout: Layout,
    capacity: int,
    style: Style = "batched",
    limits: Limits = DEFAULT_LIMITS,
) -> ProgramHost:
    """A host for a program of a task with this layout."""
    return ProgramHost(
        source, entry, shapes_of(layout), capacity=capacity, style=style, limits=limits
    )
