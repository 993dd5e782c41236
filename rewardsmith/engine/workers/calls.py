"""The calls that a worker process carries out, from the preflight to the films."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rewardsmith.engine.workers.executor import Call
from rewardsmith.engine.workers.opening import running_functions
from rewardsmith.episodes.files import REPLAYS, SCRIPTED_FILE
from rewardsmith.errors import BoundaryError, RewardsmithError
from rewardsmith.run.folder import FITTED, SEGMENTS, write_whole
from rewardsmith.run.trials import JOB, TrialJob
from rewardsmith.task.loading import Task, load_task
from rewardsmith.train.trainers import TRAINERS, Member, Trainer


def preflight(call: Call) -> None:
    """Check a task; see :func:`rewardsmith.train.preflight.run_preflight`."""
    from rewardsmith.train.preflight import run_preflight

    task = load_task(str(call.task))
    with _kept_to(call.folders, task):
        run_preflight(task, call.folders[0], call.arguments["wanted"], call.arguments.get("also"))


def scripts(call: Call) -> None:
    """Record episodes of scripted actions; see :func:`rewardsmith.episodes.scripted.play_scripts`.

    The folder holds ``replays.npz``, actions of successes by number.
    """
    import numpy as np

    from rewardsmith.episodes.files import save_episodes
    from rewardsmith.episodes.scripted import play_scripts

    task, (folder,) = load_task(str(call.task)), call.folders
    with np.load(folder / REPLAYS, allow_pickle=False) as arrays:
        replays = [arrays[name] for name in sorted(arrays.files)]
    with _kept_to(call.folders, task):
        save_episodes(folder / SCRIPTED_FILE, play_scripts(task, replays)[0])


def train(call: Call) -> None:
    """Carry out the training of the trials of a call, which share a trainer."""
    with _members(call) as (task, members):
        trainer: Trainer = TRAINERS.get(members[0].job.trainer)()
        trainer.train(task, members)


def evaluate(call: Call) -> None:
    """Measure what the training of each trial of a call left behind."""
    from rewardsmith.train.evaluation import run_evaluation

    _on_each(call, run_evaluation)


def learn(call: Call) -> None:
    """Fit a reward to judged pairs; see :func:`rewardsmith.learned.fitting.fit_preferences`.

    The folder holds ``segments.npz``: the columns of the clips and the pairs.
    """
    import numpy as np

    from rewardsmith.learned.fitting import fit_preferences
    from rewardsmith.learned.model import Input
    from rewardsmith.learned.pairs import Pairs
    from rewardsmith.learned.settings import FitSettings

    (folder,), given = call.folders, call.arguments
    inputs = tuple(Input.model_validate(one) for one in given["inputs"])
    with np.load(folder / SEGMENTS, allow_pickle=False) as arrays:
        cuts = np.cumsum(arrays["lengths"])[:-1]
        parts = [np.split(arrays[f"columns/{one.name}"], cuts) for one in inputs]
        pairs = Pairs.of(arrays["first"], arrays["second"], arrays["label"])
    names = [one.name for one in inputs]
    segments = [dict(zip(names, columns, strict=True)) for columns in zip(*parts, strict=True)]
    fit = fit_preferences(segments, pairs, inputs, FitSettings.model_validate(given["settings"]))
    accuracy = None if math.isnan(fit.accuracy) else fit.accuracy
    found = {"model": fit.model.model_dump(), "pairs": fit.pairs, "accuracy": accuracy}
    write_whole(folder / FITTED, json.dumps(found) + "\n")


def export_policy(call: Call) -> None:
    """Write each trial's chosen checkpoint as a Stable-Baselines3 zip into its folder."""
    from rewardsmith.train.policy import export_zip

    _on_each(call, export_zip)


def export_onnx(call: Call) -> None:
    """Write each trial's chosen checkpoint as an ONNX file into its folder."""
    from rewardsmith.train.onnx_policy import export_onnx

    _on_each(call, export_onnx)


def film(call: Call) -> None:
    """Write the first evaluation episode of each trial of a call as a moving picture."""
    from rewardsmith.train.film import film_trial

    _on_each(call, film_trial)


CALLS: dict[str, Callable[[Call], None]] = {
    f.__name__: f
    for f in (preflight, scripts, learn, train, evaluate, export_policy, export_onnx, film)
}


def _on_each(call: Call, run: Callable[..., Any]) -> None:
    """Run a function on each trial of a call, with its task, its job, folder and functions."""
    with _members(call) as (task, members):
        for member in members:
            run(task, *member)


@contextmanager
def _members(call: Call) -> Iterator[tuple[Task, list[Member]]]:
    """The task and the trials of a call; the hosts of their functions end with the context."""
    task = load_task(str(call.task))
    with _kept_to(call.folders, task), ExitStack() as stack:
        yield task, [_member(task, folder, stack) for folder in call.folders]


def _member(task: Task, folder: Path, stack: ExitStack) -> Member:
    job = TrialJob.model_validate_json((folder / JOB).read_text(encoding="utf-8"))
    return Member(job, folder, stack.enter_context(running_functions(task, job)))


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
