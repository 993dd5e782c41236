"""What somebody believes of Q before anything was learned: a function, or pairs of states and actions with values.

Values are in units of the task's reward. A function is asked once for each transition that is stored, beside the replay
buffer, not again when it is sampled, and once more where it acts. For actions from a box it is asked of the stored
action and of some random ones: what a prior knows lies mostly in how it orders actions, and one action alone cannot
show that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.errors import UsageError
from rewardsmith.layout import WHOLE, Layout, cut
from rewardsmith.types import Array, Evaluator, FloatArray

QFunction = Callable[..., FloatArray]
"""(obs, action) -> (n,) for actions from a box, as the environment takes them; obs -> (n, n_actions) for Discrete."""

OTHERS = 4  # random actions beside the stored one
CANDIDATES = 15  # random actions beside the learner's, where the best is taken


@dataclass(frozen=True)
class QPairs:
    """Pairs of states and actions that somebody calls good or bad, as in Q-shaping (Wu 2024, arXiv 2410.01458).

    Attributes:
        obs: observations, shape (n, ...).
        actions: as the environment takes them, shape (n, ...).
        values: Q; positive for what is good, else bad; shape (n,).
    """

    obs: Array
    actions: Array
    values: FloatArray

    def __post_init__(self) -> None:
        lengths = {len(self.obs), len(self.actions), len(self.values)}
        if len(lengths) != 1 or lengths == {0}:
            raise UsageError(
                f"pairs need as many observations as actions and values, found {sorted(lengths)}", "give one row each"
            )
        if np.ndim(self.values) != 1 or not np.isfinite(self.values).all():
            raise UsageError("the values of pairs must be finite numbers, one a row", "give an array of shape (n,)")


class Believed(NamedTuple):
    """A batch to fit to.

    Attributes:
        obs: as the networks take them.
        actions: scaled to the policy's range, shape (n, m, d); None for discrete actions.
        values: shape (n, m): of the m actions of each state, all of them where actions are discrete; NaN if unknown.
    """

    obs: Any
    actions: torch.Tensor | None
    values: torch.Tensor


class PairBeliefs:
    """Batches of given pairs."""

    def __init__(self, model: OffPolicyAlgorithm, pairs: QPairs) -> None:
        self._model = model
        self._pairs = pairs
        self._values = pairs.values[:, None].astype(np.float32)
        self._actions: Array | None = None
        space = model.action_space
        if isinstance(space, spaces.Discrete):
            self._values = np.full((len(pairs.values), int(space.n)), np.nan, np.float32)
            self._values[np.arange(len(pairs.values)), np.asarray(pairs.actions, int).ravel()] = pairs.values
        else:
            self._actions = model.policy.scale_action(np.asarray(pairs.actions, np.float32))[:, None]

    def remember(self, obs: Any, action: Array) -> None:
        """Pairs do not grow with what is seen."""

    def best(self, obs: Any, action: Array, rng: np.random.Generator) -> Array:
        """The learner's own: pairs say nothing of other states."""
        return action

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._pairs.values)

    def batch(self, n: int, rng: np.random.Generator) -> Believed:
        """A random choice of them."""
        rows = rng.integers(self.size, size=n)
        actions = None if self._actions is None else self._actions[rows]
        return _believed(self._model, self._pairs.obs[rows], actions, self._values[rows])


class StoredBeliefs:
    """A function's values beside the replay buffer: one row for each row of it."""

    def __init__(self, model: OffPolicyAlgorithm, function: QFunction, seed: int) -> None:
        buffer = model.replay_buffer
        assert isinstance(buffer, ReplayBuffer)
        self._model, self._buffer, self._function = model, buffer, function
        self._rng = np.random.default_rng(seed)
        space, rows = model.action_space, (buffer.buffer_size, buffer.n_envs)
        self._n_actions = int(space.n) if isinstance(space, spaces.Discrete) else None
        self._values = np.full((*rows, self._n_actions or 1 + OTHERS), np.nan, np.float32)
        self._actions = None if self._n_actions else np.zeros((*rows, 1 + OTHERS, buffer.action_dim), np.float32)

    def remember(self, obs: Any, action: Array) -> None:
        """Ask about a vector step that is about to be stored at the buffer's place.

        Args:
            obs: as the environments gave them, shape (n_envs, ...).
            action: as the buffer stores it: scaled to [-1, 1] for a box.
        """
        n = self._buffer.n_envs
        if self._n_actions is not None:
            self._values[self._buffer.pos] = _checked(self._function(obs), (n, self._n_actions))
            return
        assert self._actions is not None
        actions, values = self._asked_beside(obs, action, OTHERS, self._rng)
        self._values[self._buffer.pos], self._actions[self._buffer.pos] = values, actions

    def best(self, obs: Any, action: Array, rng: np.random.Generator) -> Array:
        """The actions that the function values most, of all or, from a box, of this and some random ones.

        Args:
            obs, action: see :meth:`remember`; the action stays where none is valued more.
        """
        if self._n_actions is not None:
            known = _checked(self._function(obs), (len(action), self._n_actions))
            best = known.argmax(axis=1)
            return np.where(known[np.arange(len(action)), action] < known.max(axis=1), best, action)
        actions, values = self._asked_beside(obs, action, CANDIDATES, rng)
        chosen: Array = actions[np.arange(len(action)), values.argmax(axis=1)]
        return chosen.reshape(action.shape)

    def _asked_beside(self, obs: Any, action: Array, others: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """An action and random others, shape (n, 1 + others, d), and the function's values of them."""
        n, m = len(action), 1 + others
        actions = rng.uniform(-1, 1, (n, m, self._buffer.action_dim)).astype(np.float32)
        actions[:, 0] = action.reshape(n, -1)
        asked = self._model.policy.unscale_action(actions.reshape(n * m, *(self._model.action_space.shape or ())))
        many = {k: np.repeat(v, m, axis=0) for k, v in obs.items()} if isinstance(obs, dict) else np.repeat(obs, m, 0)
        return actions, _checked(self._function(many, asked), (n * m,)).reshape(n, m)

    @property
    def size(self) -> int:
        """How many transitions are stored."""
        return self._buffer.size() * self._buffer.n_envs

    def batch(self, n: int, rng: np.random.Generator) -> Believed:
        """A random choice of what is stored."""
        rows, envs = rng.integers(self._buffer.size(), size=n), rng.integers(self._buffer.n_envs, size=n)
        seen: Any = self._buffer.observations
        obs = {k: v[rows, envs] for k, v in seen.items()} if isinstance(seen, dict) else seen[rows, envs]
        actions = None if self._actions is None else self._actions[rows, envs]
        return _believed(self._model, obs, actions, self._values[rows, envs])


def _checked(values: Any, shape: tuple[int, ...]) -> FloatArray:
    found = np.asarray(values, np.float64)
    if found.shape != shape:
        raise UsageError(f"the prior on Q returned shape {found.shape}, not {shape}", "one value a row, or an action")
    if not np.isfinite(found).all():
        raise UsageError("the prior on Q returned a value that is not finite", "guard divisions and logarithms")
    return found


def _believed(model: OffPolicyAlgorithm, obs: Any, actions: Array | None, values: Array) -> Believed:
    scaled = None if actions is None else _tensor(model, actions)
    return Believed(_network_obs(model, obs), scaled, _values(model, values))


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


class PriorOfFields:
    """A program's prior, which reads fields by name, as a function of whole observations.

    Args:
        program: gives (n,) if it asks for ``action``, else (n, n_actions).
        layout: where its fields are in an observation; masks of subgoals behind it are left out.
    """

    def __init__(self, program: Evaluator, layout: Layout) -> None:
        self._program = program
        self._layout = layout

    def __call__(self, obs: Any, action: Any = None) -> FloatArray:
        """Values of a batch.

        Raises:
            ProgramError: the program broke on it.
        """
        columns = {name: self._column(name, obs, action) for name in self._program.arguments}
        return self._program(columns).total

    def _column(self, name: str, obs: Any, action: Any) -> Array:
        if name == "action":
            return np.asarray(action, self._layout.dtype(name))
        view = self._layout.fields[WHOLE if name == "obs" else name]
        leaf = self._layout.leaves[view.leaf]
        values = obs
        for key in leaf.keys:
            values = values[key]
        values = np.asarray(values)[:, : leaf.shape[0]] if len(leaf.shape) == 1 else np.asarray(values)
        return cut(values, view.index).astype(self._layout.dtype(name))
