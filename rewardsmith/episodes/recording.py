"""Record your own episodes of a task: played by a script, a controller, a robot, or by hand.

with rs.record("mountain-car") as env:          # a Gymnasium environment: act in it as you like
    ...
    env.save("my_episodes.npz")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.episodes.bank import Trajectory, measured
from rewardsmith.episodes.files import load_episodes, save_episodes
from rewardsmith.episodes.recorder import History, recorded_env
from rewardsmith.errors import UsageError, boundary
from rewardsmith.task.fitness import Fitness, fitness_function
from rewardsmith.task.layout import WHOLE
from rewardsmith.task.loading import Task
from rewardsmith.task.modules import import_file
from rewardsmith.task.resolving import resolve_task
from rewardsmith.types import Array, Episode

Controller = Callable[[Any], Any]  # observation -> action


class RecordedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """An environment of a task that keeps every finished episode.

    Attributes:
        episodes: the finished episodes, with the task's fields.
    """

    def __init__(self, task: Task, render_mode: str | None = None) -> None:
        env, self._buffers = recorded_env(task, render_mode)
        super().__init__(env)
        self.task = task
        self.episodes: list[Episode] = []
        self._history = History(self._buffers)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; an unfinished one is dropped."""
        obs, info = self.env.reset(seed=seed, options=options)
        self._buffers.begin()
        self._history.restart()
        return obs, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take one step."""
        result = self.env.step(action)
        ended = self._history.add(np.array([result[2] or result[3]]))
        self._buffers.advance()
        self.episodes += [episode for _, episode in ended]
        return result

    def fitness(self) -> list[Fitness]:
        """The task's own measure of each episode."""
        return [fitness_function(self.task)(episode) for episode in self.episodes]

    def save(self, path: str | Path) -> Path:
        """Write the episodes as plain arrays, which :func:`rewardsmith.load_episodes` reads.

        Raises:
            UsageError: no episode has ended, or the file cannot be written.
        """
        if not self.episodes:
            raise UsageError(
                "no episode has ended, so there is nothing to save", "play one to its end"
            )
        target = Path(path)
        try:
            with target.open("wb") as file:
                save_episodes(file, self.episodes)
        except OSError as error:
            raise UsageError(
                f"cannot write {target}: {error}", "give another path with -o"
            ) from None
        return target


def record(
    task: Task | str, goal: str | None = None, *, render_mode: str | None = None
) -> RecordedEnv:
    """Make an environment of a task that keeps every finished episode.

    Raises:
        UsageError: there is no such task.
        BoundaryError: the environment fails.

    Example:
        with rs.record("mountain-car") as env:
            obs, info = env.reset(seed=0)
            ...  # act as in any environment
            env.save("my_episodes.npz")
    """
    return RecordedEnv(resolve_task(task, goal or "(none)"), render_mode)


def play(env: RecordedEnv, controller: Controller, episodes: int, seed: int = 0) -> None:
    """Let a controller play whole episodes.

    Raises:
        BoundaryError: the controller or the environment fails.
    """
    for number in range(episodes):
        obs, _ = env.reset(seed=seed + number)
        done = False
        while not done:
            with boundary(
                "environment", "playing an episode", "the controller is given an observation"
            ):
                obs, _, terminated, truncated, _ = env.step(controller(obs))
            done = terminated or truncated


def recorded_trajectories(task: Task, path: str | Path) -> list[Trajectory]:
    """Recorded episodes of the user, or a saved bank, measured by the task as it is now.

    Raises:
        UsageError: the file cannot be read, or contains episodes of another task.
        BoundaryError: the task's fitness fails.
    """
    try:
        episodes = load_episodes(path)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read episodes from {path}: {error}", "make them with: rewardsmith tasks record"
        ) from None
    return measured(episodes_of(task, episodes, path), fitness_function(task), Path(path).name)


def episodes_of(task: Task, episodes: Sequence[Episode], place: str | Path) -> list[Episode]:
    """Episodes from elsewhere with the fields that this task records, in its order.

    Args:
        place: where they come from, for the message.

    Raises:
        UsageError: they are of another task: a field or the actions are missing, or have another
            shape or kind.
        BoundaryError: the environment fails.
    """
    env, buffers = recorded_env(task)
    env.close()
    layout = buffers.layout
    names = {
        "obs" if name == WHOLE else name: view.at_reset for name, view in layout.fields.items()
    }
    forms = {name: (layout.shape(name), layout.dtype(name)) for name in names}
    for episode in episodes:
        _check_rows(
            "actions",
            episode.actions,
            len(episode),
            (layout.action_shape, layout.action_dtype),
            place,
        )
        for name, at_reset in names.items():
            _check_rows(
                f"field {name!r}",
                episode.fields.get(name),
                len(episode) + at_reset,
                forms[name],
                place,
            )
    return [_with_fields(episode, names) for episode in episodes]


def _with_fields(episode: Episode, names: Iterable[str]) -> Episode:
    return dataclasses.replace(episode, fields={name: episode.fields[name] for name in names})


def _check_rows(
    what: str,
    found: Array | None,
    rows: int,
    form: tuple[tuple[int, ...], np.dtype[Any]],
    place: str | Path,
) -> None:
    shape, dtype = form
    if found is not None and found.shape == (rows, *shape) and found.dtype.kind == dtype.kind:
        return
    wanted = f"{what} of shape {(rows, *shape)}, {dtype}"
    seen = f"no {what}" if found is None else f"shape {found.shape}, {found.dtype}"
    raise UsageError(
        f"the episodes in {place} are of another task: expected {wanted}, found {seen}",
        "give a run, or a recording, of the same task: rewardsmith tasks record",
    )


def controller_in(text: str) -> Controller:
    """The function named by ``FILE:FUNCTION``; it maps an observation to an action.

    Raises:
        UsageError: there is no such file or function.
    """
    name, _, function = text.rpartition(":")
    path = Path(name)
    if not name or not path.is_file():
        raise UsageError(
            f"expected FILE:FUNCTION, found {text!r}", "for example --by controller.py:policy"
        )
    found = getattr(import_file(path), function, None)
    if not callable(found):
        raise UsageError(
            f"{path} has no function {function!r}",
            "write one that takes an observation and returns an action",
        )
    return found  # type: ignore[no-any-return]
