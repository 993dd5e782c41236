"""Small worlds with known values: value iteration, vectorised Q-learning, and two rooms with a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = Any


class World(NamedTuple):
    """A Markov decision process: P(s' | s, a) of shape (S, A, S), rewards of the same shape, a discount."""

    dynamics: Array
    reward: Array
    gamma: float


def random_world(
    rng: np.random.Generator, states: int = 5, actions: int = 3, gamma: float = 0.9
) -> World:
    dynamics = rng.dirichlet(np.full(states, 0.5), (states, actions))
    return World(dynamics, rng.normal(size=(states, actions, states)), gamma)


def optimal_q(world: World, sweeps: int = 2000) -> Array:
    """Q* by value iteration, shape (S, A)."""
    expected = (world.dynamics * world.reward).sum(axis=2)
    q = np.zeros(expected.shape)
    for _ in range(sweeps):
        q = expected + world.gamma * world.dynamics @ q.max(axis=1)
    return q


@dataclass
class Rooms:
    """Two rooms, 9 x 7 cells, a wall with a door between them: take the key, open the door, reach the goal.

    The agent begins in the middle of the left edge, the key lies in the corner above, the door in
    the middle of the wall, the goal in the middle of the right edge. Four moves; the key is taken
    by walking onto it, and opens the door
    as long as it is carried. The state is the place and whether the key is carried: that the door
    was passed, the second subgoal, is seen in it only by the mask. The reward is 1 at the goal, the
    discount 0.99.
    """

    width: int = 9
    height: int = 7
    horizon: int = 100
    gamma: float = 0.99

    MOVES = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)])

    def __post_init__(self) -> None:
        self.wall, self.door = self.width // 2, self.height // 2
        self.start, self.goal = (0, self.height // 2), (self.width - 1, self.height // 2)
        self.key = (0, self.height - 1)
        self.cells = self.width * self.height

    def step(
        self, x: Array, y: Array, key: Array, passed: Array, action: Array
    ) -> tuple[Array, ...]:
        """All seeds at once: the next state and whether the goal was reached."""
        dx, dy = self.MOVES[action].T
        to_x, to_y = np.clip(x + dx, 0, self.width - 1), np.clip(y + dy, 0, self.height - 1)
        at_door = (to_x == self.wall) & (to_y == self.door)
        blocked = (to_x == self.wall) & ~(at_door & key)
        x, y = np.where(blocked, x, to_x), np.where(blocked, y, to_y)
        key = key | ((x == self.key[0]) & (y == self.key[1]))
        passed = passed | (at_door & key)
        return x, y, key, passed, (x == self.goal[0]) & (y == self.goal[1])

    def index(self, x: Array, y: Array, key: Array, mask: Array) -> Array:
        """Number of a state; ``mask`` is the number of rewarded subgoals, if the learner sees it."""
        return (x * self.height + y) * 2 + key + mask * self.cells * 2


class Learned(NamedTuple):
    """Of each seed: steps until three greedy successes in a row, -1 where it never got there; and its table."""

    steps: Array
    q: Array


def rooms_q(rooms: Rooms) -> Array:
    """Q* of the two rooms, for every number of rewarded subgoals, shape (states, 4)."""
    x, y, key = (values.ravel() for values in np.mgrid[: rooms.width, : rooms.height, :2])
    state, q = rooms.index(x, y, key, 0), np.zeros((rooms.cells * 2, 4))
    moves = [
        rooms.step(x, y, key.astype(bool), np.zeros(x.shape, bool), np.full(x.shape, a))
        for a in range(4)
    ]
    for _ in range(rooms.horizon):
        values = q.max(axis=1)
        for action, (to_x, to_y, has_key, _, won) in enumerate(moves):
            following = values[rooms.index(to_x, to_y, has_key.astype(int), 0)]
            q[state, action] = np.where(won, 1.0, rooms.gamma * following)
    return np.tile(q, (3, 1))


def learn_rooms(
    shaping: Callable[[Array, Array, Array, Array], Array],
    *,
    see_mask: bool,
    seeds: int = 15,
    cap: int = 60_000,
    epsilon: float = 0.1,
    rate: float = 0.5,
    prefill: Array | None = None,
    alarms: float = 0.0,
    check_every: int = 200,
) -> Learned:
    """Tabular Q-learning of many seeds at once in the two rooms.

    Args:
        shaping: (t, newly done (n,), done before (n,), succeeded (n,)) -> extra pay (n,); done
            counts subgoals.
        see_mask: whether the state tells how many subgoals were paid.
        prefill: the first table, shape (states, 4).
        alarms: false alarms per transition: the next subgoal is taken for reached.
    """
    rooms, rng = Rooms(), np.random.default_rng(0)
    n, rows = seeds, np.arange(seeds)
    q = (
        np.zeros((n, rooms.cells * 2 * 3, 4))
        if prefill is None
        else np.repeat(prefill[None], n, axis=0)
    )
    x, y, paid, t = (np.full(n, value) for value in (*rooms.start, 0, 0))
    key, passed = np.zeros((2, n), bool)
    solved_at = np.full(n, -1)
    for step in range(cap):
        state = rooms.index(x, y, key, paid if see_mask else 0)
        noise = rng.random((n, 4)) * 1e-6
        action = np.where(
            rng.random(n) < epsilon,
            rng.integers(4, size=n),
            (q[rows, state] + noise).argmax(axis=1),
        )
        x, y, key, passed, won = rooms.step(x, y, key, passed, action)
        done_now = np.maximum(paid, key.astype(int) + passed)
        if alarms:
            done_now = np.minimum(2, done_now + (rng.random(n) < alarms))
        reward = won.astype(float) + shaping(t, done_now - paid, paid, won)
        paid, t = done_now, t + 1
        following = rooms.index(x, y, key, paid if see_mask else 0)
        target = reward + np.where(won, 0.0, rooms.gamma * q[rows, following].max(axis=1))
        q[rows, state, action] += rate * (target - q[rows, state, action])
        over = won | (t >= rooms.horizon)
        for values, first in ((x, rooms.start[0]), (y, rooms.start[1]), (paid, 0), (t, 0)):
            values[over] = first
        key, passed = key & ~over, passed & ~over
        if (step + 1) % check_every == 0:
            good = greedy_success(rooms, q, see_mask) & (solved_at < 0)
            solved_at[good] = step + 1
            if (solved_at >= 0).all():
                break
    return Learned(solved_at, q)


def greedy_success(rooms: Rooms, q: Array, see_mask: bool, tries: int = 3) -> Array:
    """Which seeds reach the goal greedily, ties broken by chance, three times in a row."""
    rng, n = np.random.default_rng(1), len(q)
    rows, always = np.arange(n), np.ones(n, bool)
    for _ in range(tries):
        x, y, paid = (np.full(n, value) for value in (*rooms.start, 0))
        key, passed, reached = np.zeros((3, n), bool)
        for _ in range(rooms.horizon):
            state = rooms.index(x, y, key, paid if see_mask else 0)
            action = (q[rows, state] + rng.random((n, 4)) * 1e-6).argmax(axis=1)
            new = rooms.step(x, y, key, passed, action)
            still = zip((x, y, key, passed), new[:4], strict=True)
            x, y, key, passed = (np.where(reached, old, now) for old, now in still)
            reached |= new[4]
            paid = np.maximum(paid, key.astype(int) + passed)
            if reached.all():
                break
        always &= reached
    return always
