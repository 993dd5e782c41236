"""The bank: each trajectory once, bounded, worse and better in balance, and the same after a way over the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.bank import Bank, Trajectory, load_bank, recorded_trajectories, save_bank
from rewardsmith.episodes import load_episodes
from rewardsmith.errors import UsageError
from rewardsmith.task.fitness import Fitness
from rewardsmith.types import Episode


def trajectory(number: float, success: bool | None = None, steps: int = 3) -> Trajectory:
    fields = {"position": number + np.arange(steps + 1.0)}
    episode = Episode(fields, np.zeros((steps, 1)), np.zeros(steps), terminated=bool(success), truncated=not success)
    return Trajectory(episode, float(number), success, "random")


def test_each_trajectory_is_kept_once_and_the_first_name_stays() -> None:
    again = trajectory(1.0)._replace(origin="abc")
    bank = Bank([trajectory(1.0), trajectory(2.0), again])
    assert [(found.fitness, found.origin) for found in bank.trajectories] == [(1.0, "random"), (2.0, "random")]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(2, 40))
def test_it_stays_small_and_balanced(failures: int, successes: int, capacity: int) -> None:
    found = [trajectory(n, False) for n in range(failures)] + [trajectory(100 + n, True) for n in range(successes)]
    bank = Bank(found, capacity)
    assert len(bank) == min(capacity, len(found))
    if len(found) > capacity:
        kept = bank.successes
        assert kept is not None
        half = capacity // 2
        assert kept.sum() >= min(successes, half) and (~kept).sum() >= min(failures, half)


def test_of_too_many_the_extremes_stay() -> None:
    bank = Bank([trajectory(n) for n in range(101)], capacity=10)
    assert {0.0, 50.0, 51.0, 100.0} <= set(bank.fitness)
    assert (bank.fitness <= 50).sum() == 5
    assert list(bank.fitness) == sorted(bank.fitness), "the order in which they came is kept"


def test_a_bank_on_disk_is_the_same(tmp_path: Path) -> None:
    bank = Bank([trajectory(1.0, True), trajectory(2.0, False, steps=5), trajectory(3.0, None)])
    save_bank(tmp_path / "bank.npz", bank)
    again = load_bank(tmp_path / "bank.npz")
    assert [one[1:] for one in again.trajectories] == [one[1:] for one in bank.trajectories]
    assert again.lengths.tolist() == [3, 5, 3] and again.successes is None
    columns, before = again.columns(["next_position"]), bank.columns(["next_position"])
    assert np.array_equal(columns["next_position"], before["next_position"])
    assert len(load_episodes(tmp_path / "bank.npz")) == 3
    told = recorded_trajectories(tmp_path / "bank.npz", lambda episode: Fitness(float(len(episode)), None))
    assert [(one.fitness, one.origin) for one in told] == [(3.0, "bank.npz"), (5.0, "bank.npz"), (3.0, "bank.npz")]


def test_a_file_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "not.npz").write_text("hello")
    for name in ("not.npz", "missing.npz"):
        with pytest.raises(UsageError, match="cannot read episodes"):
            recorded_trajectories(tmp_path / name, lambda episode: Fitness(0.0, None))
