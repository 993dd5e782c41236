"""A prior on Q: a function, or pairs of states and actions with values.

Values are in units of the task's reward. A function is evaluated once for each transition that is
stored, beside the replay buffer, not again when the transition is sampled; for actions from a box
once more where the prior acts. There it is evaluated on the stored action and on some random ones:
the information of a prior is mostly its order of actions, which one action does not show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy

from rewardsmith.errors import UsageError
from rewardsmith.types import Array, FloatArray

QFunction = Callable[..., FloatArray]
"""(obs, action) -> (n,) for actions from a box, as the environment takes them; for Discrete actions
obs -> (n, n_actions).

Observations are those of the environments, below VecNormalize; images as the learner has them,
channels first."""

OTHERS = 4  # random actions beside the stored one
CANDIDATES = 15  # random actions beside the learner's, where the best is taken
_AT_ONCE = 1024  # vector steps of a loaded buffer per call of the function


@dataclass(frozen=True)
class QPairs:
    """Pairs of states and actions that are good or bad, as in Q-shaping (Wu 2024, 2410.01458).

    Attributes:
        obs: observations, shape (n, ...), or of a Dict such an array for each key; images channels
            first.
        actions: as the environment takes them, shape (n, ...).
        values: Q; positive for what is good, else bad; shape (n,).
    """

    obs: Array | Mapping[str, Array]
    actions: Array
    values: FloatArray

    def __post_init__(self) -> None:
        parts = list(self.obs.values()) if isinstance(self.obs, Mapping) else [self.obs]
        lengths = {len(rows) for rows in (*parts, self.actions, self.values)}
        if len(lengths) != 1 or lengths == {0}:
            raise UsageError(
                f"pairs need as many observations as actions and values, found {sorted(lengths)}",
                "give one row each",
            )
        if np.ndim(self.values) != 1 or not np.isfinite(self.values).all():
            raise UsageError(
                "the values of pairs must be finite numbers, one a row",
                "give an array of shape (n,)",
            )


Numbers = TypeVar("Numbers")


class PriorBatch(NamedTuple, Generic[Numbers]):
    """A batch to fit to, in arrays or in tensors.

    Attributes:
        obs: of a drawn batch as they are stored; for a loss as the networks take them.
        actions: scaled to the policy's range, shape (n, m, d); None for discrete actions.
        values: shape (n, m): of the m actions of each state, all of them where actions are
            discrete; NaN if unknown. In units of the environment's reward, for a loss in those of
            the critic.
    """

    obs: Any
    actions: Numbers | None
    values: Numbers


class Memory(Protocol):
    """Where transitions are stored, by the names of Stable-Baselines3's ReplayBuffer.

    Attributes:
        buffer_size: vector steps that it holds at most.
        n_envs: environments of a vector step.
    """

    buffer_size: int
    n_envs: int

    @property
    def pos(self) -> int:
        """Where the next vector step is stored."""

    @property
    def observations(self) -> Any:
        """Shape (buffer_size, n_envs, ...), or of a Dict such an array for each key."""

    @property
    def actions(self) -> Array:
        """Scaled to [-1, 1] for a box, shape (buffer_size, n_envs, d)."""

    def size(self) -> int:
        """Vector steps that are stored now."""


class PriorValues(Protocol):
    """The values of a prior, from which batches are drawn."""

    @property
    def size(self) -> int:
        """Number of states with values."""

    def set_states(self, states: Any) -> None:
        """Set the states of the environments before a step; a function is evaluated on them.

        Args:
            states: first argument of the function, shape (n_envs, ...); a copy.
        """

    def remember(self, action: Array) -> None:
        """Evaluate the prior on the vector step that the memory stores next.

        Args:
            action: as the memory stores it: scaled to [-1, 1] for a box.
        """

    def best(self, guided: Array, action: Array, rng: np.random.Generator) -> Array:
        """The actions of highest value: of all, or from a box, of the learner's and random ones.

        Args:
            guided: the environments in which the prior acts, bool, shape (n_envs,).
            action: the learner's, as the memory stores it; it is kept if no other action has
                a higher value.
        """

    def batch(self, n: int, rng: np.random.Generator) -> PriorBatch[Array]:
        """A random sample."""


class PairValues:
    """Batches of given pairs.

    Raises:
        UsageError: they are not of the policy's spaces.
    """

    def __init__(self, policy: BasePolicy, pairs: QPairs) -> None:
        values, space = np.asarray(pairs.values, np.float32), policy.action_space
        self._obs = _of_space("observations", pairs.obs, policy.observation_space)
        actions = _possible(_of_space("actions", pairs.actions, space), space)
        self.values, self._actions = values[:, None], None
        if isinstance(space, spaces.Discrete):
            self.values = np.full((len(values), int(space.n)), np.nan, np.float32)
            self.values[np.arange(len(values)), actions] = values
        else:
            self._actions = policy.scale_action(actions).reshape(len(values), 1, -1)

    def set_states(self, states: Any) -> None:
        """Pairs have no values for other states."""

    def remember(self, action: Array) -> None:
        """The number of pairs does not change."""

    def best(self, guided: Array, action: Array, rng: np.random.Generator) -> Array:
        """The actions of the learner."""
        return action[guided]

    @property
    def size(self) -> int:
        """Number of pairs."""
        return len(self.values)

    def batch(self, n: int, rng: np.random.Generator) -> PriorBatch[Array]:
        """A random sample of the pairs."""
        rows = rng.integers(self.size, size=n)
        actions = None if self._actions is None else self._actions[rows]
        return PriorBatch(_rows(self._obs, rows), actions, self.values[rows])


class StoredValues:
    """A function's values beside the memory: one row for each row of it.

    Args:
        policy: of the learner; its actions are valued.
        memory: of the learner; the function is evaluated on what it holds already.
        rng: draws the random actions beside the stored ones.

    Attributes:
        values: shape (buffer_size, n_envs, m).
    """

    def __init__(
        self, policy: BasePolicy, memory: Memory, function: QFunction, rng: np.random.Generator
    ) -> None:
        self._policy, self._memory, self._function, self._rng = policy, memory, function, rng
        space, rows = policy.action_space, (memory.buffer_size, memory.n_envs)
        self._n_actions = int(space.n) if isinstance(space, spaces.Discrete) else None
        self._seen: Any = None
        self._known: FloatArray | None = None  # of the states, if actions are discrete
        self.values = np.full((*rows, self._n_actions or 1 + OTHERS), np.nan, np.float32)
        self._actions: Array | None = None
        if self._n_actions is None:
            width = memory.actions.shape[-1]
            self._actions = np.zeros((*rows, 1 + OTHERS, width), np.float32)
        self._value_all()

    def _value_all(self) -> None:
        """Evaluate the prior on a memory that was loaded."""
        memory = self._memory
        for begin in range(0, memory.size(), _AT_ONCE):
            places = np.arange(begin, min(begin + _AT_ONCE, memory.size())).repeat(memory.n_envs)
            stored = places, np.tile(np.arange(memory.n_envs), len(places) // memory.n_envs)
            seen, action = _rows(memory.observations, stored), memory.actions[stored]  # copies
            if self._actions is None:
                self.values[stored] = _checked(
                    self._function(seen), (len(places), self._n_actions or 0)
                )
            else:
                self._actions[stored], self.values[stored] = self._with_others(
                    seen, action, OTHERS, self._rng
                )

    def set_states(self, states: Any) -> None:
        """Set the states before a step."""
        self._seen, self._known = states, None

    def remember(self, action: Array) -> None:
        """Evaluate the function at the place of the next vector step."""
        place = self._memory.pos
        if self._actions is None:
            self.values[place] = self._of_choices()
        else:
            self._actions[place], self.values[place] = self._with_others(
                self._seen, action, OTHERS, self._rng
            )

    def best(self, guided: Array, action: Array, rng: np.random.Generator) -> Array:
        """The actions of highest value."""
        own = action[guided]
        rows = np.arange(len(own))
        if self._actions is None:
            known, choice = self._of_choices()[guided], own.reshape(-1)
            better = known[rows, choice] < known.max(axis=1)
            return np.where(better, known.argmax(axis=1), choice).reshape(own.shape)
        actions, values = self._with_others(_rows(self._seen, guided), own, CANDIDATES, rng)
        chosen: Array = actions[rows, values.argmax(axis=1)]
        return chosen.reshape(own.shape)

    def _of_choices(self) -> FloatArray:
        """Values of all discrete actions, shape (n_envs, n_actions); evaluated once."""
        if self._known is None:
            self._known = _checked(
                self._function(self._seen), (self._memory.n_envs, self._n_actions or 0)
            )
        return self._known

    def _with_others(
        self, seen: Any, action: Array, others: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """An action and random others, shape (n, 1 + others, d), and their values."""
        n, m = len(action), 1 + others
        own = action.reshape(n, -1)
        actions = rng.uniform(-1, 1, (n, m, own.shape[1])).astype(np.float32)
        actions[:, 0] = own
        scaled = self._policy.unscale_action(
            actions.reshape(n * m, *(self._policy.action_space.shape or ()))
        )
        many = _rows(seen, np.repeat(np.arange(n), m))
        return actions, _checked(self._function(many, scaled), (n * m,)).reshape(n, m)

    @property
    def size(self) -> int:
        """Number of stored transitions."""
        return self._memory.size() * self._memory.n_envs

    def batch(self, n: int, rng: np.random.Generator) -> PriorBatch[Array]:
        """A random sample of the stored transitions."""
        memory = self._memory
        place = rng.integers(memory.size(), size=n), rng.integers(memory.n_envs, size=n)
        actions = None if self._actions is None else self._actions[place]
        return PriorBatch(_rows(memory.observations, place), actions, self.values[place])


def _rows(values: Any, rows: Any) -> Any:
    """Some rows of an array, or of each array of a Dict."""
    return (
        {key: of[rows] for key, of in values.items()}
        if isinstance(values, Mapping)
        else values[rows]
    )


def _of_space(what: str, values: Any, space: spaces.Space[Any]) -> Any:
    """Rows of a space as arrays.

    Raises:
        UsageError: they are not; with what was expected and found.
    """
    if isinstance(space, spaces.Dict):
        if not isinstance(values, Mapping) or set(values) != set(space.spaces):
            found = sorted(values) if isinstance(values, Mapping) else f"a {type(values).__name__}"
            raise UsageError(
                f"the {what} of pairs need the keys {sorted(space.spaces)}", f"found {found}"
            )
        return {
            key: _of_space(f"{what} {key!r}", values[key], inner)
            for key, inner in space.spaces.items()
        }
    rows, shape = np.asarray(values), space.shape or ()
    if shape == () and rows.shape[1:] == (1,):  # as buffers hold them
        rows = rows[:, 0]
    if rows.shape[1:] != shape or rows.dtype.kind not in "biuf":
        expected = f"the {what} of pairs must be numbers of shape {('n', *shape)}".replace("'", "")
        raise UsageError(expected, f"found {rows.dtype} of shape {rows.shape}")
    return rows


def _possible(actions: Array, space: spaces.Space[Any]) -> Array:
    """Actions in the space's dtype.

    Raises:
        UsageError: one is not in the space.
    """
    taken = actions.astype(space.dtype)
    exact = (
        taken == actions if np.issubdtype(taken.dtype, np.integer) else np.ones(actions.shape, bool)
    )
    for row, found in enumerate(actions):
        if not (np.all(exact[row]) and space.contains(taken[row])):
            hint = "give actions as the environment takes them"
            raise UsageError(f"action {found} of pair {row} is not in {space}", hint)
    return taken


def _checked(values: Any, shape: tuple[int, ...]) -> FloatArray:
    found = np.asarray(values, np.float64)
    if found.shape != shape:
        raise UsageError(
            f"the prior on Q returned shape {found.shape}, not {shape}",
            "one value a row, or an action",
        )
    if not np.isfinite(found).all():
        raise UsageError(
            "the prior on Q returned a value that is not finite", "guard divisions and logarithms"
        )
    return found
