"""What a run may know before it begins: behaviour from elsewhere for its bank, and rewards of tasks like its own.

Nothing of a task's own yardstick is read unless a person asks for it (``--use-expert``). The
rewards of other tasks are read for a strategy whose method it is to show them (text2reward), and
for no other.
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

EXPERT_EPISODES = 8
_EXPERT = "expert.py"


def known_behaviour(task: Task, places: Sequence[str], *, expert: bool) -> Bank | None:
    """Trajectories from other runs and from files, and those of the task's own controller; None if there are none.

    What they are worth is measured anew, by the task's fitness as it is now.

    Args:
        places: folders of runs, or files as ``rewardsmith tasks record`` writes them.
        expert: let the controller in the task's ``expert.py`` play.

    Raises:
        UsageError: a place holds no episodes of this task, or the task has no controller.
        BoundaryError: the controller, the environment or the fitness fails.
    """
    found = [one for place in places for one in _from_place(task, Path(place))]
    if expert:
        found += _expert(task)
    return Bank(found, len(found)) if found else None  # all: a run's own bank chooses among them


def like_tasks(task: Task, count: int) -> list[Example]:
    """Rewards that experts wrote for the shipped tasks that read most like this one; never its own."""
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
    """Refuse a run of another environment, or one in which the fields of the same names are something else."""
    if _environment(other) != _environment(task):
        raise UsageError(
            f"{place} is a run of {other.name} in {other.env_id}, expected one of {task.name} in {task.env_id}"
            + (
                " with the same code, arguments and wrappers" if other.env_id == task.env_id else ""
            ),
            "--bank takes runs, or recordings, of the same environment",
        )
    fields = [
        {field.name: (field.source, field.words) for field in one.spec.fields}
        for one in (other, task)
    ]
    changed = sorted(name for name, source in fields[1].items() if fields[0].get(name) != source)
    if changed:
        name, found = changed[0], fields[0].get(changed[0])
        there = f"its field {name!r} is {found[0]}" if found else f"it recorded no field {name!r}"
        raise UsageError(
            f"{place} is a run of another task: {there}, expected {fields[1][name][0]}",
            "begin without --bank, or give a run whose task has the same fields",
        )


def _environment(task: Task) -> tuple[object, ...]:
    """What makes the environment: its id, what it is given, and its code where that lies in the task's folder."""
    env = task.spec.env
    file = task.folder / env.id.partition(":")[0] if task.folder is not None else None
    code = file.read_bytes() if file is not None and file.is_file() else b""
    return env.id, env.kwargs, env.wrappers, code


def _expert(task: Task) -> list[Trajectory]:
    path = _expert_of(task)
    if not path.is_file() or "def policy(" not in path.read_text(encoding="utf-8"):
        raise UsageError(
            f"{task.name} has no controller",
            f"--use-expert plays the function policy of its {_EXPERT}",
        )
    env = record(task)
    play(env, controller_in(f"{path}:policy"), EXPERT_EPISODES, seed=10_000)
    env.close()
    return measured(env.episodes, fitness_function(task), "expert")


def _expert_of(task: Task) -> Path:
    return task.folder / _EXPERT if task.folder is not None else Path(_EXPERT)
