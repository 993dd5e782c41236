"""Many environments of a task as one object that steps them all at once, in NumPy.

A task names such a class in ``[env] vector``. It is a :class:`gymnasium.vector.VectorEnv` that

- does not reset by itself (``AutoresetMode.DISABLED``): ``reset(options={"reset_mask": rows})``
  resets some rows, and the observation of a step is the last one of an episode that ends;
- has a random stream per row, seeded by ``reset(seed=[...])``, so that what happens in a row does
  not depend on the other rows; if it shows them as ``streams``, a list of NumPy generators, an
  interrupted training goes on with the same result;
- keeps no time limit: that of the task is kept outside;
- gives in ``field(name)`` the values of the functions in ``fields.py`` that the task's fields use,
  shape (n, ...), if there are any.

:class:`BatchEnv` keeps all but the last of these rules; what is left to write is how a row starts,
how all rows advance, and what is observed. The preflight compares the environment with the single
one, row by row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rewardsmith.errors import UsageError, boundary
from rewardsmith.task.actions import METHOD, says_what_is_legal
from rewardsmith.task.environment import import_attribute
from rewardsmith.task.loading import Task
from rewardsmith.types import Array


class BatchEnv(VectorEnv[Any, Array, Array], ABC):
    """A vector environment with a random stream per row, as a task's ``[env] vector`` needs it.

    A row that ended is stepped on until it is reset.

    Args:
        single: an environment with the spaces of a row.
        num_envs: number of rows.

    Attributes:
        streams: the random stream of each row.

    Example:
        class Walkers(BatchEnv):
            def __init__(self, num_envs: int = 1) -> None:
                super().__init__(Walker(), num_envs)
                self._position = np.zeros(num_envs)

            def start(self, row, stream):
                self._position[row] = stream.uniform(-0.1, 0.1)

            def advance(self, actions):
                self._position += actions[:, 0]
                return -np.abs(self._position), self._position > 1

            def observe(self):
                return self._position.astype(np.float32)[:, None]
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - declared an instance variable by gymnasium
        "autoreset_mode": AutoresetMode.DISABLED,
    }

    def __init__(self, single: gym.Env[Any, Any], num_envs: int) -> None:
        self.num_envs = num_envs
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.streams = [seeding.np_random()[0] for _ in range(num_envs)]

    @abstractmethod
    def start(self, row: int, stream: np.random.Generator) -> None:
        """Put a row at the start of an episode; it draws from its own stream."""

    @abstractmethod
    def advance(self, actions: Array) -> tuple[Array, Array]:
        """Move all rows on: rewards and whether each terminated, shape (n,) each.

        Args:
            actions: shape (n, ...).
        """

    @abstractmethod
    def observe(self) -> Any:
        """The observation of all rows, as new arrays; shape (n, ...)."""

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Start episodes; the observation is that of all rows.

        Args:
            seed: one for each row; s stands for s, s + 1, ...; None goes on with a row's stream.
            options: "reset_mask", shape (n,), bool: reset only these rows.
        """
        mask = (options or {}).get("reset_mask")
        rows = range(self.num_envs) if mask is None else np.flatnonzero(mask).tolist()
        seeds = range(seed, seed + self.num_envs) if isinstance(seed, int) else seed
        for row in rows:
            if seeds is not None and seeds[row] is not None:
                self.streams[row], _ = seeding.np_random(seeds[row])
            self.start(row, self.streams[row])
        return self.observe(), {}

    def step(self, actions: Array) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Advance all rows; all results are new arrays. No row is ever truncated."""
        rewards, terminated = self.advance(actions)
        return self.observe(), rewards, terminated, np.zeros(self.num_envs, np.bool_), {}


def make_vector(task: Task, n: int, single: gym.Env[Any, Any]) -> VectorEnv[Any, Any, Any]:
    """The vector environment of a task with n rows.

    Args:
        single: one environment of the task, whose spaces it must have.

    Raises:
        UsageError: the class is not as described above.
        BoundaryError: it could not be made.
    """
    name = task.spec.env.vector
    make = import_attribute(task, name)
    with boundary("environment", f"making {name} with {n} environments"):
        made = make(n, **task.spec.env.kwargs)
    if problem := _problem(task, made, single):
        raise UsageError(f"[env] vector = {name!r}: {problem}", "see rewardsmith.task.vector")
    return made  # type: ignore[no-any-return]


def _problem(task: Task, made: Any, single: gym.Env[Any, Any]) -> str:
    """What is wrong with a vector environment; empty where nothing is."""
    if not isinstance(made, VectorEnv):
        return f"expected a gymnasium.vector.VectorEnv, found a {type(made).__name__}"
    if made.metadata.get("autoreset_mode") != AutoresetMode.DISABLED:
        return "expected metadata['autoreset_mode'] = AutoresetMode.DISABLED"
    if made.single_observation_space != single.observation_space:
        return f"its observations are {made.single_observation_space}, not those of {task.env_id}"
    if made.single_action_space != single.action_space:
        return f"its actions are {made.single_action_space}, not those of {task.env_id}"
    if says_what_is_legal(single):
        return f"{task.env_id} has {METHOD}(), which a vector environment cannot have"
    for field in task.spec.fields:
        if field.words:
            return f"field {field.name!r} is a text, which a vector environment cannot have"
        if field.parsed_source.kind == "function" and not hasattr(made, "field"):
            return f"field {field.name!r} needs its method field(name)"
    return ""
