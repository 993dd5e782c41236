"""The replay memories of members: transitions as packed rows, drawn with one copy per member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.types import Array, TrainingState


class Batch(NamedTuple):
    """Transitions of G members, or of one member without the first axis.

    Attributes:
        rows: observation, action, reward, whether it ended, next observation; shape (G, B, width).
        inputs: width of an observation.
        numbers: of an action.
    """

    rows: Array
    inputs: int
    numbers: int

    @property
    def observations(self) -> Array:
        """Shape (G, B, inputs); a view, as all parts."""
        return self.rows[..., : self.inputs]

    @property
    def pairs(self) -> Array:
        """Observations with actions behind them, shape (G, B, inputs + numbers)."""
        return self.rows[..., : self.inputs + self.numbers]

    @property
    def actions(self) -> Array:
        """As they are stored: of a box within -1 to 1; shape (G, B, numbers)."""
        return self.rows[..., self.inputs : self.inputs + self.numbers]

    @property
    def rewards(self) -> Array:
        """Shape (G, B)."""
        return self.rows[..., self.inputs + self.numbers]

    @property
    def dones(self) -> Array:
        """1 where the episode ended, but not by a time limit; else 0; shape (G, B)."""
        return self.rows[..., self.inputs + self.numbers + 1]

    @property
    def next_observations(self) -> Array:
        """Shape (G, B, inputs)."""
        return self.rows[..., self.inputs + self.numbers + 2 :]

    def of(self, member: int) -> Batch:
        """The transitions of one member."""
        return self._replace(rows=self.rows[member])


class Replay:
    """The latest transitions of each member, as many of all.

    Args:
        size: transitions of a member; of each environment the same share.
        n_envs: environments of a member.
        inputs: width of an observation.
        numbers: of an action.

    Attributes:
        place: the row that is written next.
        filled: rows that hold a transition.
    """

    def __init__(self, members: int, size: int, n_envs: int, inputs: int, numbers: int) -> None:
        self._capacity = max(size // n_envs, 1) * n_envs
        self.n_envs, self.inputs, self.numbers = n_envs, inputs, numbers
        width = 2 * inputs + numbers + 2
        # memory that is never written takes no room
        self._memories = [np.zeros((self._capacity, width), np.float32) for _ in range(members)]
        self.place, self.filled = 0, 0
        self._drawn: dict[int, Array] = {}

    def add(
        self,
        member: int,
        observations: Array,
        actions: Array,
        rewards: Array,
        dones: Array,
        next_observations: Array,
    ) -> None:
        """Write the transitions of a vector step of a member; :meth:`advance` comes after all.

        Args:
            observations, next_observations: shape (n_envs, inputs).
            actions: shape (n_envs, numbers).
            rewards, dones: shape (n_envs,).
        """
        rows = self._memories[member][self.place : self.place + self.n_envs]
        end = self.inputs + self.numbers
        rows[:, : self.inputs] = observations
        rows[:, self.inputs : end] = actions
        rows[:, end], rows[:, end + 1] = rewards, dones
        rows[:, end + 2 :] = next_observations

    def advance(self) -> None:
        """Go on to the next place; the oldest transitions are forgotten."""
        self.place += self.n_envs
        self.filled = max(self.filled, self.place)
        if self.place == self._capacity:
            self.place = 0

    def sample(self, generators: Sequence[np.random.Generator], batch_size: int) -> Batch:
        """Draw transitions of each member with its own random numbers; valid until the next call.

        They are drawn independently, so one may come twice.
        """
        if batch_size not in self._drawn:
            shape = len(self._memories), batch_size, self._memories[0].shape[1]
            self._drawn[batch_size] = np.empty(shape, np.float32)
        rows = self._drawn[batch_size]
        for memory, rng, drawn in zip(self._memories, generators, rows, strict=True):
            places = rng.integers(0, self.filled, batch_size)
            np.take(memory, places, axis=0, out=drawn, mode="clip")  # other modes copy twice
        return Batch(rows, self.inputs, self.numbers)

    def of_member(self, member: int) -> MemberMemory:
        """The transitions of one member as they are stored; also if others are forgotten."""
        return MemberMemory(self, self._memories[member])

    def state(self, member: int) -> TrainingState:
        """The transitions of a member, and where the next ones go."""
        rows = self._memories[member][: self.filled]
        return TrainingState({"rows": rows}, {"place": self.place, "filled": self.filled})

    def restore(self, member: int, state: TrainingState) -> None:
        """Go on with them; all members have as many."""
        self.place, self.filled = state.facts["place"], state.facts["filled"]
        self._memories[member][: self.filled] = state.arrays["rows"]

    def keep(self, members: Sequence[int]) -> None:
        """Forget the other members."""
        self._memories = [self._memories[member] for member in members]
        self._drawn = {}


class MemberMemory:
    """The transitions of one member, by the names of Stable-Baselines3's ReplayBuffer.

    Attributes:
        buffer_size: vector steps that it holds at most.
        n_envs: environments of a vector step.
        observations: shape (buffer_size, n_envs, inputs), a view.
        actions: shape (buffer_size, n_envs, numbers), a view.
    """

    def __init__(self, replay: Replay, rows: Array) -> None:
        self._replay, self.n_envs = replay, replay.n_envs
        self.buffer_size = len(rows) // self.n_envs
        by_step = rows.reshape(self.buffer_size, self.n_envs, -1)
        steps = Batch(by_step, replay.inputs, replay.numbers)
        self.observations, self.actions = steps.observations, steps.actions

    @property
    def pos(self) -> int:
        """The place of the next vector step."""
        return self._replay.place // self.n_envs

    def size(self) -> int:
        """Vector steps that it holds now."""
        return self._replay.filled // self.n_envs
