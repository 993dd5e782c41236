"""The calls that a worker process carries out: preflight, train, evaluate, export, film.

The one place where the trainer and the sandbox meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rewardsmith.errors import BoundaryError, RewardsmithError
from rewardsmith.program import EntryPoint, Style
from rewardsmith.run.trials import JOB, TrialJob
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.task.layout import Layout, shapes_of
from rewardsmith.task.loading import Task

_AT_ONCE = (
    512  # transitions per call: no larger batch than the checks compare with single transitions
)


_ROW_BY_ROW = (
    64  # a program that takes one transition at a time must answer within the host's time too
)


def preflight(task: str, folder: str, wanted: Sequence[str] = ()) -> None:
    """Look at a task's environment; see :func:`rewardsmith.train.preflight.run_preflight`."""
    from rewardsmith.task.loading import load_task
    from rewardsmith.train.preflight import run_preflight

    loaded = load_task(task)
    with _kept_to(Path(folder), loaded):
        run_preflight(loaded, Path(folder), wanted)


def train(folder: str) -> None:
    """Carry out the training of the trial in ``folder``."""
    from rewardsmith.train.trial import run_training

    _with_program(folder, run_training)


def evaluate(folder: str) -> None:
    """Measure what the training of the trial in ``folder`` left behind."""
    from rewardsmith.train.evaluation import run_evaluation

    _with_program(folder, run_evaluation)


def export_policy(folder: str, target: str, prefix: str = "") -> None:
    """Write the trial's chosen checkpoint as a Stable-Baselines3 zip; ``prefix`` of its name."""
    from rewardsmith.train.policy import export_zip

    _with_program(folder, partial(export_zip, target=Path(target), prefix=prefix), writes=target)


def film(folder: str) -> None:
    """Write the first evaluation episode of the trial in ``folder`` as a moving picture."""
    from rewardsmith.train.film import film_trial

    _with_program(folder, film_trial)


CALLS: dict[str, Callable[..., None]] = {
    f.__name__: f for f in (preflight, train, evaluate, export_policy, film)
}


def _with_program(folder: str, run: Callable[..., Any], writes: str | None = None) -> None:
    """Give a trial its task, its job, and a way to open hosts for its program.

    Args:
        writes: the folder in which it may write; that of the trial by default.
    """
    from rewardsmith.sandbox.client.program import HostedProgram
    from rewardsmith.task.layout import shapes_of
    from rewardsmith.train.vectors import RecordedVecEnv
    from rewardsmith.types import Opened

    job, task = _trial_in(folder)
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

    with _kept_to(Path(writes or folder), task):
        try:
            run(task, job, Path(folder), open_program)
        finally:
            for host in opened:
                host.close()


def _trial_in(folder: str) -> tuple[TrialJob, Task]:
    """What a trial was told, and its task."""
    from rewardsmith.run.trials import TrialJob
    from rewardsmith.task.loading import load_task

    job = TrialJob.model_validate_json((Path(folder) / JOB).read_text(encoding="utf-8"))
    return job, load_task(job.task)


@contextmanager
def _kept_to(folder: Path, task: Task) -> Iterator[None]:
    """This call may write to its folder, and to what the task names for its environment."""
    from rewardsmith.sandbox.folder import kept_to, refused_outside

    others = [Path(place).expanduser() for place in task.spec.env.writes]
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
