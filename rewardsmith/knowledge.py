"""What a run may know before it begins: behaviour from elsewhere for its bank, and rewards of tasks like its own.

Nothing of a task's own yardstick is read unless a person asks for it (``--use-expert``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rewardsmith.bank import Bank, Trajectory, measured, recorded_trajectories
from rewardsmith.coder.examples import Example, description, nearest, reward_alone
from rewardsmith.engine.bank import RunBank
from rewardsmith.errors import UsageError
from rewardsmith.recording import controller_in, play, record
from rewardsmith.state import fold
from rewardsmith.store import RunFolder
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.loading import Task, load_task, shipped_tasks

EXPERT_EPISODES = 8
_EXPERT = "expert.py"


def known_behaviour(task: Task, places: Sequence[str], *, expert: bool) -> Bank | None:
    """Trajectories from other runs and from files, and those of the task's own controller; None if there are none.

    Args:
        places: folders of runs, or files as ``rewardsmith tasks record`` writes them.
        expert: let the controller in the task's ``expert.py`` play.

    Raises:
        UsageError: a place holds no episodes of this task, or the task has no controller.
        BoundaryError: the controller or the environment fails.
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
    texts = {name: description(other.spec) for name, other in others.items() if _expert_of(other).is_file()}
    chosen = nearest(description(task.spec), texts, count)
    return [Example(others[n].goal, reward_alone(_expert_of(others[n]).read_text(encoding="utf-8"))) for n in chosen]


def _from_place(task: Task, place: Path) -> Sequence[Trajectory]:
    if (place / "run.json").is_file():
        run = RunFolder(place)
        found: Sequence[Trajectory] = RunBank(run).before(fold(run.events())).trajectories
    else:
        found = recorded_trajectories(place, fitness_function(task))
    wanted = {field.name for field in task.spec.fields}
    for one in found:
        missing = sorted(wanted - set(one.episode.fields))
        if missing:
            raise UsageError(
                f"the episodes in {place} have no field {missing[0]!r}", "give a run, or a recording, of the same task"
            )
    return found


def _expert(task: Task) -> list[Trajectory]:
    path = _expert_of(task)
    if not path.is_file() or "def policy(" not in path.read_text(encoding="utf-8"):
        raise UsageError(f"{task.name} has no controller", f"--use-expert plays the function policy of its {_EXPERT}")
    env = record(task)
    play(env, controller_in(f"{path}:policy"), EXPERT_EPISODES, seed=10_000)
    env.close()
    return measured(env.episodes, fitness_function(task), "expert")


def _expert_of(task: Task) -> Path:
    return task.folder / _EXPERT if task.folder is not None else Path(_EXPERT)
