"""The base class of vector environments: rows that start, end and draw apart from each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rewardsmith.task.vector import BatchEnv
from tests.support.lineworld import LineWorld


class Lines(BatchEnv):
    """Rows that start at a random place and move by their action."""

    def __init__(self, num_envs: int = 1) -> None:
        super().__init__(LineWorld(), num_envs)
        self.position = np.zeros(num_envs)

    def start(self, row: int, stream: np.random.Generator) -> None:
        self.position[row] = stream.uniform(-0.1, 0.1)

    def advance(self, actions: Any) -> tuple[Any, Any]:
        self.position += actions[:, 0]
        return self.position.copy(), self.position > 1

    def observe(self) -> Any:
        return np.stack([self.position, 1 - self.position], axis=1).astype(np.float32)


def test_a_row_does_not_depend_on_the_other_rows() -> None:
    one, many = Lines(1), Lines(3)
    alone, _ = one.reset(seed=[7])
    beside, _ = many.reset(seed=[3, 7, 5])
    assert (beside[1] == alone[0]).all()
    many.reset(options={"reset_mask": np.array([True, False, True])})
    again, _ = one.reset()
    following, _ = many.reset(options={"reset_mask": np.array([False, True, False])})
    assert (following[1] == again[0]).all()


def test_only_the_rows_of_the_mask_are_reset() -> None:
    lines = Lines(3)
    lines.reset(seed=0)
    moved, rewards, terminated, truncated, info = lines.step(np.full((3, 1), 2.0, np.float32))
    assert terminated.all() and not truncated.any() and not info and (rewards > 1).all()
    after, _ = lines.reset(options={"reset_mask": np.array([False, True, False])})
    assert (after[[0, 2]] == moved[[0, 2]]).all() and abs(after[1, 0]) <= 0.1


def test_one_seed_stands_for_consecutive_ones() -> None:
    first, _ = Lines(3).reset(seed=4)
    second, _ = Lines(3).reset(seed=[4, 5, 6])
    assert (first == second).all()


def test_what_is_left_to_write_is_named() -> None:
    class Unfinished(Lines):
        advance = BatchEnv.advance

    with pytest.raises(TypeError, match="advance"):
        Unfinished(2)
