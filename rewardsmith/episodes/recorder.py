"""The one place where fields are read.

A :class:`Recorder` is the innermost wrapper of each environment: it sees observations, info and
actions before any training wrapper changes them and before auto-reset discards the last
observation. It copies them into rows of side :class:`Buffers`, which the environments of one vector
share, so that all later code works on whole batches. (``info`` is not used for this, because vector
environments deep-copy it on every step.)

    Buffers   arrays with one row per environment: before the step, after it, at reset
    Recorder  the wrapper that writes one row
    History   joins the rows of successive steps to episodes
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.task.conforming import Reset, Step, reset_result, step_result
from rewardsmith.task.environment import make_env, wrap_env
from rewardsmith.task.finite import NAN_HINT, UsableObservations, finite, is_finite, when
from rewardsmith.task.layout import WHOLE, FieldView, Layout, cut, describe, make_layout
from rewardsmith.task.loading import Task
from rewardsmith.types import NATIVE_REWARD, Array, Episode, TrainingState

_ROOM = 256  # initial capacity of a history, steps
_NUMBERS = (float, int, np.float64, np.float32)


# what a buffer consists of: lists with an array per leaf, and arrays
_OF_LEAVES = ("before", "after", "start", "first")
_OF_STEP = (
    "action", "previous_action", "terminated", "truncated", "native_reward", "was_reset",
    "is_first_step", "stepped",
)  # fmt: skip

_STEPS_TWICE = (
    "one of the task's [env] wrappers steps the environment several times in one step or within "
    "reset, so the fields before and after a step would not match the policy's observations"
)


_UNREADABLE = (
    "every step must report it, as numbers of the same shape and kind; where some steps do not, "
    "state their value in [[fields]], e.g. default = 0"
)
_NO_FLAG = "for a graded measure of success write a fitness.py"


def record(
    task: Task, env: gym.Env[Any, Any], layout: Layout, buffers: Buffers, row: int
) -> gym.Env[Any, Any]:
    """Wrap a bare environment with the recorder, and then with the task's own wrappers."""
    return wrap_env(task, Recorder(env, layout, buffers, row))


def recorded_env(task: Task, render_mode: str | None = None) -> tuple[gym.Env[Any, Any], Buffers]:
    """One environment of a task with its recorder."""
    env = make_env(task, render_mode)
    try:
        layout = make_layout(task, env)
    except BaseException:
        env.close()
        raise
    buffers = Buffers(layout, 1)
    return record(task, env, layout, buffers, 0), buffers


class Buffers:
    """Rows of recorded values, one per environment of a vector.

    After a vector step, :meth:`columns` returns the arguments of programs; then :meth:`advance`
    makes the values after the step (or after an auto-reset) the values before the next one. The
    arrays are never replaced.
    """

    def __init__(self, layout: Layout, n: int) -> None:
        self.layout = layout
        self.n = n
        self.before = self._rows()
        self.after = self._rows()
        self.start = self._rows()
        self.first = self._rows()
        self.action = np.zeros((n, *layout.action_shape), layout.action_dtype)
        self.previous_action = np.zeros_like(self.action)
        self.terminated = np.zeros(n, bool)
        self.truncated = np.zeros(n, bool)
        self.native_reward = np.zeros(n, np.float64)
        self.was_reset = np.zeros(n, bool)
        self.is_first_step = np.ones(n, bool)
        self.stepped = np.zeros(n, bool)  # since the last advance
        self._views: dict[tuple[str, ...], dict[str, Array]] = {}

    def _rows(self) -> list[Array]:
        return [np.zeros((self.n, *leaf.shape), leaf.dtype) for leaf in self.layout.leaves]

    def column(self, argument: str) -> Array:
        """The column of an argument, shape (n, ...); a view, valid until the next step.

        Raises:
            KeyError: the task does not offer that name.
        """
        if argument == "action":
            return self.action
        if argument == "prev_action":
            mask = self.is_first_step.reshape(-1, *([1] * len(self.layout.action_shape)))
            return np.where(mask, self.action, self.previous_action)
        if argument == "terminated":
            return self.terminated
        if argument == NATIVE_REWARD:
            return self.native_reward
        for prefix, rows in (("next_", self.after), ("first_", self.first), ("", self.before)):
            name = argument.removeprefix(prefix)
            if argument.startswith(prefix) and (view := self._view(name)) is not None:
                return cut(rows[view.leaf], view.index)
        raise KeyError(argument)

    def columns(self, arguments: Iterable[str]) -> dict[str, Array]:
        """Several columns by name."""
        names = tuple(arguments)
        views = self._views.get(names)
        if views is None:
            views = self._views[names] = {argument: self.column(argument) for argument in names}
        return (
            {**views, "prev_action": self.column("prev_action")}
            if "prev_action" in views
            else views
        )

    def _view(self, name: str) -> FieldView | None:
        return self.layout.fields.get(WHOLE if name == "obs" else name)

    def state(self) -> TrainingState:
        """All values."""
        lists = {name: getattr(self, name) for name in _OF_LEAVES}
        arrays = {
            f"{name}/{at}": rows[at] for name, rows in lists.items() for at in range(len(rows))
        }
        return TrainingState({**arrays, **{name: getattr(self, name) for name in _OF_STEP}}, {})

    def restore(self, state: TrainingState) -> None:
        """Go on from there."""
        for name in _OF_LEAVES:
            for at, rows in enumerate(getattr(self, name)):
                rows[...] = state.arrays[f"{name}/{at}"]
        for name in _OF_STEP:
            getattr(self, name)[...] = state.arrays[name]

    def begin(self) -> None:
        """Begin new episodes in all environments, after each was reset."""
        self.was_reset[:] = True
        self.advance()

    def advance(self) -> None:
        """Move on by one step; rows that were reset in between begin a new episode."""
        for before, after in zip(self.before, self.after, strict=True):
            before[...] = after
        self.previous_action[...] = self.action
        self.is_first_step[...] = self.was_reset
        self.stepped[...] = False
        if self.was_reset.any():
            rows = self.was_reset
            for before, first, start in zip(self.before, self.first, self.start, strict=True):
                before[rows] = start[rows]
                first[rows] = start[rows]
            self.was_reset[:] = False


class Recorder(gym.Wrapper[Any, Any, Any, Any]):
    """Copies the values of one environment into its row of the buffers.

    It passes on what the environment returned, in the kinds that Gymnasium promises, and with the
    task's ``nan_policy`` applied: the policy and the programs see the same.
    """

    def __init__(self, env: gym.Env[Any, Any], layout: Layout, buffers: Buffers, row: int) -> None:
        super().__init__(env)
        self.buffers = buffers
        self._layout = layout
        self._row = row
        self._steps = 0  # of the episode
        self._usable = UsableObservations(env.observation_space, layout)
        forms = [(leaf.kind, leaf.keys, leaf.words) for leaf in layout.leaves]
        self._plain = forms == [("obs", (), ())]

    def step(self, action: Any) -> Step:
        """Step, and copy the recorded values into the buffers' row."""
        buffers, row = self.buffers, self._row
        if buffers.stepped[row] or buffers.was_reset[row]:
            raise UsageError(
                _STEPS_TWICE,
                "do this inside the environment, e.g. in an env.py in the task's folder",
            )
        buffers.stepped[row] = True
        buffers.action[row] = action  # before the environment can change the array
        obs, reward, terminated, truncated, info = step_result(self.env.step(action))
        self._steps += 1
        if not math.isfinite(reward):
            raise BoundaryError(
                f"the environment's reward is {reward} {when(self._steps)}",
                "fix the environment",
                where="environment",
            )
        obs = self._usable.next(obs, self._steps)
        buffers.native_reward[row] = reward
        buffers.terminated[row], buffers.truncated[row] = terminated, truncated
        if self._plain:
            buffers.after[0][row] = obs
        else:
            self._copy(buffers.after, obs, info)
        return obs, reward, terminated, truncated, info

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        """Reset; the values at reset are kept apart until the previous step is processed."""
        obs, info = reset_result(self.env.reset(seed=seed, options=options))
        self._steps = 0
        obs = self._usable.first(obs)
        self._copy(self.buffers.start, obs, info)
        self.buffers.was_reset[self._row] = True
        return obs, info

    def _copy(self, rows: list[Array], obs: Any, info: dict[str, Any]) -> None:
        for place, (target, leaf) in enumerate(zip(rows, self._layout.leaves, strict=True)):
            if not self._steps and not leaf.at_reset:
                target[self._row] = 0  # no value at reset; programs can read only next_<field>
                continue
            if leaf.is_number and _is_plain_number(value := info.get(str(leaf.keys[0]))):
                target[self._row] = value  # almost always; what follows takes ten times as long
                continue
            try:
                value = leaf.read(self.env.unwrapped, obs, info)
                # a number must not silently become a bool where the first value was one
                casting: Any = "unsafe" if leaf.kind == "obs" else "same_kind"
                np.copyto(target[self._row : self._row + 1], value, casting=casting)
            except Exception as error:
                raise BoundaryError(
                    f"reading {describe(leaf)} {when(self._steps)} failed: "
                    f"{type(error).__name__}: {error}",
                    _UNREADABLE if not leaf.flag else _NO_FLAG,
                    where="environment",
                ) from error
            if leaf.kind != "obs" and leaf.dtype.kind == "f" and not is_finite(target[self._row]):
                target[self._row] = self._replaced(place, target[self._row])

    def _replaced(self, place: int, value: Array) -> Array:
        """A value of an info key or a function, with finite numbers in all places."""
        leaf, policy = self._layout.leaves[place], self._layout.nan_policy
        if leaf.default is not None:
            return finite(value, leaf.default)
        if policy == "refuse":
            names = [name for name, view in self._layout.fields.items() if view.leaf == place]
            raise BoundaryError(
                f"field {names[0]!r}, from {describe(leaf)}, is {value.tolist()} "
                f"{when(self._steps)}",
                f"state what stands in its place in [[fields]], e.g. default = 0; or {NAN_HINT}",
                where="environment",
            )
        last = policy == "last" and self._steps
        return finite(value, self.buffers.before[place][self._row] if last else 0)


def _is_plain_number(value: Any) -> bool:
    return type(value) in _NUMBERS and math.isfinite(value)


class History:
    """Joins the rows of successive steps to episodes; copies each leaf once per vector step."""

    def __init__(self, buffers: Buffers) -> None:
        self._buffers = buffers
        self._recorded = [*buffers.after, buffers.action, buffers.native_reward]
        self._steps = [np.empty((_ROOM, *rows.shape), rows.dtype) for rows in self._recorded]
        self._length = 0
        self._begun = np.zeros(buffers.n, np.int64)

    def restart(self) -> None:
        """Drop the unfinished episodes; call after all environments were reset."""
        self._length = 0
        self._begun[:] = 0

    def add(self, done: Array) -> list[tuple[int, Episode]]:
        """Add one vector step, before :meth:`Buffers.advance`.

        Args:
            done: shape (n,), where an episode ended with this step.

        Returns:
            (environment, episode) for each episode that ended.
        """
        if self._length == len(self._steps[0]):
            self._make_room()
        for steps, rows in zip(self._steps, self._recorded, strict=True):
            steps[self._length] = rows
        self._length += 1
        if not done.any():
            return []
        ended = [(int(row), self._episode(int(row))) for row in np.flatnonzero(done)]
        self._begun[done] = self._length
        return ended

    def state(self) -> TrainingState:
        """The steps of the episodes under way."""
        first = int(self._begun.min())
        steps = {str(at): rows[first : self._length] for at, rows in enumerate(self._steps)}
        return TrainingState({"begun": self._begun - first, **steps}, {})

    def restore(self, state: TrainingState) -> None:
        """Go on from there."""
        self._steps = [state.arrays[str(at)].copy() for at in range(len(self._steps))]
        self._length, self._begun = len(self._steps[0]), state.arrays["begun"].copy()
        if not self._length:
            self._steps = [np.empty((_ROOM, *rows.shape[1:]), rows.dtype) for rows in self._steps]

    def _make_room(self) -> None:
        """Drop steps that no unfinished episode needs; if these are few, double the capacity."""
        first = int(self._begun.min())
        room = self._length * (1 if 2 * first >= self._length else 2)
        kept = [np.empty((room, *steps.shape[1:]), steps.dtype) for steps in self._steps]
        for new, steps in zip(kept, self._steps, strict=True):
            new[: self._length - first] = steps[first : self._length]
        self._steps = kept
        self._length -= first
        self._begun -= first

    def _episode(self, row: int) -> Episode:
        buffers, fields = self._buffers, {}
        *after, actions, rewards = (
            steps[self._begun[row] : self._length, row] for steps in self._steps
        )
        for name, view in buffers.layout.fields.items():
            values = cut(after[view.leaf], view.index)
            before = cut(buffers.first[view.leaf][row : row + 1], view.index)
            fields["obs" if name == WHOLE else name] = (
                np.concatenate([before, values]) if view.at_reset else values.copy()
            )
        return Episode(
            fields=fields,
            actions=actions.copy(),
            native_rewards=rewards.copy(),
            terminated=bool(buffers.terminated[row]),
            truncated=bool(buffers.truncated[row]),
        )
