"""Knowledge that a run starts with: recorded episodes for its bank, rewards of similar tasks.

The task's own controller is used only if the user asks for it (``--use-expert``). The rewards of
other tasks are read only for a strategy whose method shows them to the writer (text2reward).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rewardsmith.episodes.bank import Bank, Trajectory, measured
from rewardsmith.episodes.recording import (
    controller_in,
    episodes_of,
    play,
    record,
    recorded_trajectories,
)
from rewardsmith.errors import UsageError
from rewardsmith.run.bank import RunBank
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.loading import Task, load_task, shipped_tasks
from rewardsmith.writers.examples import Example, description, nearest, reward_alone

EXPERT_EPISODES, EXPERT_SEED = 8, 10_000
_EXPERT = "expert.py"


def given_episodes(task: Task, places: Sequence[str], *, expert: bool) -> Bank | None:
    """Trajectories from other runs, from files and of the task's own controller; None without any.

    Their fitness is measured again, by the task's current fitness function.

    Args:
        places: folders of runs, or files written by ``rewardsmith tasks record``.
        expert: record episodes of the controller in the task's ``expert.py``.

    Raises:
        UsageError: a place has no episodes of this task, or the task has no controller.
        BoundaryError: the controller, the environment or the fitness fails.
    """
    found = [one for place in places for one in _from_place(task, Path(place))]
    if expert:
        found += expert_episodes(task)
    return Bank(found, len(found)) if found else None  # the bank of the run selects from all


def similar_tasks(task: Task, count: int) -> list[Example]:
    """Expert rewards of the shipped tasks whose descriptions are nearest to that of this task."""
    if count == 0:
        return []
    others = {name: load_task(name) for name in shipped_tasks() if name != task.name}
    others = {name: other for name, other in others.items() if other.env_id != task.env_id}
    texts = {
        name: description(other.spec)
        for name, other in others.items()
        if _expert_of(other).is_file()
    }
    chosen = nearest(description(task.spec), texts, count)
    return [
        Example(others[n].goal, reward_alone(_expert_of(others[n]).read_text(encoding="utf-8")))
        for n in chosen
    ]


def _from_place(task: Task, place: Path) -> Sequence[Trajectory]:
    if not (place / "run.json").is_file():
        return recorded_trajectories(task, place)
    run = RunFolder(place)
    _check_same(task, run.task(), place)
    bank, fitness = RunBank(run).before(fold(run.events())), fitness_function(task)
    episodes = episodes_of(task, bank.episodes, place)
    return [
        Trajectory(episode, *fitness(episode), one.origin)
        for episode, one in zip(episodes, bank.trajectories, strict=True)
    ]


def _check_same(task: Task, other: Task, place: Path) -> None:
    """Refuse a run of another environment, or one whose fields of the same names differ."""
    if _environment(other) != _environment(task):
        same = " with the same code, arguments and wrappers" * (other.env_id == task.env_id)
        raise UsageError(
            f"{place} is a run of {other.name} in {other.env_id}, "
            f"expected a run of {task.name} in {task.env_id}{same}",
            "--bank takes runs, or recordings, of the same environment",
        )
    recorded, wanted = _fields(other), _fields(task)
    changed = sorted(name for name, source in wanted.items() if recorded.get(name) != source)
    if changed:
        name, found = changed[0], recorded.get(changed[0])
        there = f"its field {name!r} is {found[0]}" if found else f"it recorded no field {name!r}"
        raise UsageError(
            f"{place} is a run of another task: {there}, expected {wanted[name][0]}",
            "leave out --bank, or give a run whose task has the same fields",
        )


def _fields(task: Task) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Field -> its source and its words."""
    return {field.name: (field.source, field.words) for field in task.spec.fields}


def _environment(task: Task) -> tuple[object, ...]:
    """The identity of an environment: id, arguments, wrappers, and its code in a task folder."""
    env = task.spec.env
    file = task.folder / env.id.partition(":")[0] if task.folder is not None else None
    code = file.read_bytes() if file is not None and file.is_file() else b""
    return env.id, env.kwargs, env.wrappers, code


def expert_episodes(task: Task) -> list[Trajectory]:
    """Episodes of the task's own controller, on the seeds from :data:`EXPERT_SEED` on.

    Raises:
        UsageError: the task has no controller.
        BoundaryError: the controller, the environment or the fitness fails.
    """
    path = _expert_of(task)
    if not path.is_file() or "def policy(" not in path.read_text(encoding="utf-8"):
        raise UsageError(
            f"{task.name} has no controller",
            f"--use-expert needs a function policy in its {_EXPERT}",
        )
    env = record(task)
    play(env, controller_in(f"{path}:policy"), EXPERT_EPISODES, EXPERT_SEED)
    env.close()
    return measured(env.episodes, fitness_function(task), "expert")


def _expert_of(task: Task) -> Path:
    return task.folder / _EXPERT if task.folder is not None else Path(_EXPERT)
