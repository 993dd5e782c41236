"""A prior on Q: a function, or pairs of states and actions with values.

Values are in units of the task's reward. A function is evaluated once for each transition that is
stored, beside the replay buffer, not again when the transition is sampled; for actions from a box
once more where the prior acts. There it is evaluated on the stored action and on some random ones:
the information of a prior is mostly its order of actions, which one action does not show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

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


class PriorBatch(NamedTuple):
    """A batch to fit to.

    Attributes:
        obs: as the networks take them.
        actions: scaled to the policy's range, shape (n, m, d); None for discrete actions.
        values: shape (n, m): of the m actions of each state, all of them where actions are
            discrete; NaN if unknown.
    """

    obs: Any
    actions: torch.Tensor | None
    values: torch.Tensor


class PairValues:
    """Batches of given pairs.

    Raises:
        UsageError: they are not of the model's spaces.
    """

    def __init__(self, model: OffPolicyAlgorithm, pairs: QPairs) -> None:
        self._model = model
        values, space = np.asarray(pairs.values, np.float32), model.action_space
        self._obs = _of_space("observations", pairs.obs, model.observation_space)
        actions = _possible(_of_space("actions", pairs.actions, space), space)
        self.values, self._actions = values[:, None], None
        if isinstance(space, spaces.Discrete):
            self.values = np.full((len(values), int(space.n)), np.nan, np.float32)
            self.values[np.arange(len(values)), actions] = values
        else:
            self._actions = model.policy.scale_action(actions).reshape(len(values), 1, -1)

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

    def batch(self, n: int, rng: np.random.Generator) -> PriorBatch:
        """A random sample of the pairs."""
        rows = rng.integers(self.size, size=n)
        actions = None if self._actions is None else self._actions[rows]
        return _batch(self._model, _rows(self._obs, rows), actions, self.values[rows])


class StoredValues:
    """A function's values beside the replay buffer: one row for each row of it."""

    def __init__(self, model: OffPolicyAlgorithm, function: QFunction, seed: int) -> None:
        self._model, self._function = model, function
        self._rng = np.random.default_rng(seed)
        space = model.action_space
        self._n_actions = int(space.n) if isinstance(space, spaces.Discrete) else None
        self._seen: Any = None
        self._known: FloatArray | None = None  # of the states, if actions are discrete
        self._begin()

    def _begin(self) -> None:
        """Allocate arrays beside the buffer; evaluate the prior on a loaded buffer."""
        buffer = self._model.replay_buffer
        assert isinstance(buffer, ReplayBuffer)
        self._buffer, rows = buffer, (buffer.buffer_size, buffer.n_envs)
        self.values = np.full((*rows, self._n_actions or 1 + OTHERS), np.nan, np.float32)
        self._actions = (
            None
            if self._n_actions
            else np.zeros((*rows, 1 + OTHERS, buffer.action_dim), np.float32)
        )
        for begin in range(0, buffer.size(), _AT_ONCE):
            places = np.arange(begin, min(begin + _AT_ONCE, buffer.size())).repeat(buffer.n_envs)
            stored = places, np.tile(np.arange(buffer.n_envs), len(places) // buffer.n_envs)
            seen, action = _rows(buffer.observations, stored), buffer.actions[stored]  # copies
            if self._actions is None:
                self.values[stored] = _checked(
                    self._function(seen), (len(places), self._n_actions or 0)
                )
            else:
                self._actions[stored], self.values[stored] = self._with_others(
                    seen, action, OTHERS, self._rng
                )

    def _follow(self) -> None:
        """Start again if the model has a new buffer."""
        if self._model.replay_buffer is not self._buffer:
            self._begin()

    def set_states(self, states: Any) -> None:
        """Set the states of the environments before a step; the function is evaluated on them.

        Args:
            states: first argument of the function, shape (n_envs, ...); a copy.
        """
        self._follow()
        self._seen, self._known = states, None

    def remember(self, action: Array) -> None:
        """Evaluate the function on the vector step that the buffer stores next.

        Args:
            action: as the buffer stores it: scaled to [-1, 1] for a box.
        """
        place = self._buffer.pos
        if self._actions is None:
            self.values[place] = self._of_choices()
        else:
            self._actions[place], self.values[place] = self._with_others(
                self._seen, action, OTHERS, self._rng
            )

    def best(self, guided: Array, action: Array, rng: np.random.Generator) -> Array:
        """The actions of highest value: of all, or from a box, of the learner's and random ones.

        Args:
            guided: the environments in which the prior acts, bool, shape (n_envs,).
            action: the learner's, as the buffer stores it; it is kept if no other action has
                a higher value.
        """
        own = action[guided]
        if self._actions is None:
            known = self._of_choices()[guided]
            return np.where(
                known[np.arange(len(own)), own] < known.max(axis=1), known.argmax(axis=1), own
            )
        actions, values = self._with_others(_rows(self._seen, guided), own, CANDIDATES, rng)
        chosen: Array = actions[np.arange(len(own)), values.argmax(axis=1)]
        return chosen.reshape(own.shape)

    def _of_choices(self) -> FloatArray:
        """Values of all discrete actions, shape (n_envs, n_actions); evaluated once."""
        if self._known is None:
            self._known = _checked(
                self._function(self._seen), (self._buffer.n_envs, self._n_actions or 0)
            )
        return self._known

    def _with_others(
        self, seen: Any, action: Array, others: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """An action and random others, shape (n, 1 + others, d), and their values."""
        n, m = len(action), 1 + others
        actions = rng.uniform(-1, 1, (n, m, self._buffer.action_dim)).astype(np.float32)
        actions[:, 0] = action.reshape(n, -1)
        scaled = self._model.policy.unscale_action(
            actions.reshape(n * m, *(self._model.action_space.shape or ()))
        )
        many = _rows(seen, np.repeat(np.arange(n), m))
        return actions, _checked(self._function(many, scaled), (n * m,)).reshape(n, m)

    @property
    def size(self) -> int:
        """Number of stored transitions."""
        self._follow()
        return self._buffer.size() * self._buffer.n_envs

    def batch(self, n: int, rng: np.random.Generator) -> PriorBatch:
        """A random sample of the stored transitions."""
        self._follow()
        place = rng.integers(self._buffer.size(), size=n), rng.integers(self._buffer.n_envs, size=n)
        actions = None if self._actions is None else self._actions[place]
        return _batch(
            self._model, _rows(self._buffer.observations, place), actions, self.values[place]
        )


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


def _batch(model: OffPolicyAlgorithm, obs: Any, actions: Array | None, values: Array) -> PriorBatch:
    scaled = None if actions is None else _tensor(model, actions)
    return PriorBatch(_network_obs(model, obs), scaled, _values(model, values))


def _network_obs(model: OffPolicyAlgorithm, obs: Any) -> Any:
    """Observations of the environment as tensors that the networks take."""
    if model.get_vec_normalize_env() is not None:
        obs = model.get_vec_normalize_env().normalize_obs(obs)  # type: ignore[union-attr]
    if isinstance(obs, dict):
        return {key: _tensor(model, value) for key, value in obs.items()}
    return _tensor(model, obs)


def _values(model: OffPolicyAlgorithm, values: Array) -> torch.Tensor:
    """Values in the units in which the critic learns: VecNormalize may divide rewards."""
    normalising = model.get_vec_normalize_env()
    if normalising is not None and normalising.norm_reward:
        values = values / np.sqrt(normalising.ret_rms.var + normalising.epsilon)
    return _tensor(model, values.astype(np.float32))


def _tensor(model: OffPolicyAlgorithm, values: Array) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values), device=model.device)
