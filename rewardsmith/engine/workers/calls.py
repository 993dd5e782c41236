"""The calls that a worker process carries out: preflight, train, evaluate, export, film."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rewardsmith.engine.workers.opening import running_functions
from rewardsmith.errors import BoundaryError, RewardsmithError
from rewardsmith.run.trials import TrialJob
from rewardsmith.task.loading import Task


def preflight(task: str, folder: str, wanted: Sequence[str] = ()) -> None:
    """Look at a task's environment; see :func:`rewardsmith.train.preflight.run_preflight`."""
    from rewardsmith.task.loading import load_task
    from rewardsmith.train.preflight import run_preflight

    loaded = load_task(task)
    with _kept_to(Path(folder), loaded):
        run_preflight(loaded, Path(folder), wanted)


def train(folder: str) -> None:
    """Carry out the training of the trial in ``folder``."""
    from rewardsmith.train.trainers import TRAINERS, Member, Trainer

    job, task = _trial_in(folder)
    trainer: Trainer = TRAINERS.get(job.trainer)()
    with _kept_to(Path(folder), task), running_functions(task, job) as open_functions:
        trainer.train(task, [Member(job, Path(folder), open_functions)])


def evaluate(folder: str) -> None:
    """Measure what the training of the trial in ``folder`` left behind."""
    from rewardsmith.train.evaluation import run_evaluation

    _with_functions(folder, run_evaluation)


def export_policy(folder: str, target: str, prefix: str = "") -> None:
    """Write the trial's chosen checkpoint as a Stable-Baselines3 zip; ``prefix`` of its name."""
    from rewardsmith.train.policy import export_zip

    _with_functions(folder, partial(export_zip, target=Path(target), prefix=prefix), writes=target)


def film(folder: str) -> None:
    """Write the first evaluation episode of the trial in ``folder`` as a moving picture."""
    from rewardsmith.train.film import film_trial

    _with_functions(folder, film_trial)


CALLS: dict[str, Callable[..., None]] = {
    f.__name__: f for f in (preflight, train, evaluate, export_policy, film)
}


def _with_functions(folder: str, run: Callable[..., Any], writes: str | None = None) -> None:
    """Give a trial its task, its job, and a way to start its functions.

    Args:
        writes: the folder in which it may write; that of the trial by default.
    """
    job, task = _trial_in(folder)
    with _kept_to(Path(writes or folder), task), running_functions(task, job) as open_functions:
        run(task, job, Path(folder), open_functions)


def _trial_in(folder: str) -> tuple[TrialJob, Task]:
    """A trial's job and its task."""
    from rewardsmith.task.loading import load_task

    job = TrialJob.model_validate_json((Path(folder) / "job.json").read_text(encoding="utf-8"))
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
