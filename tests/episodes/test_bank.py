"""The bank: no duplicates, a bounded size, worse and better balanced, unchanged by saving and loading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.episodes.bank import Bank, Trajectory, load_bank, save_bank
from rewardsmith.episodes.files import load_episodes
from rewardsmith.episodes.recording import episodes_of, play, record, recorded_trajectories
from rewardsmith.errors import UsageError
from rewardsmith.task.loading import load_task
from rewardsmith.types import Episode
from tests.support.lineworld import write_task


def trajectory(number: float, success: bool | None = None, steps: int = 3) -> Trajectory:
    fields = {"position": number + np.arange(steps + 1.0)}
    episode = Episode(
        fields,
        np.zeros((steps, 1)),
        np.zeros(steps),
        terminated=bool(success),
        truncated=not success,
    )
    return Trajectory(episode, float(number), success, "random")


def test_each_trajectory_is_kept_once_and_the_first_name_stays() -> None:
    again = trajectory(1.0)._replace(origin="abc")
    bank = Bank([trajectory(1.0), trajectory(2.0), again])
    assert [(found.fitness, found.origin) for found in bank.trajectories] == [
        (1.0, "random"),
        (2.0, "random"),
    ]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(2, 40))
def test_it_stays_small_and_balanced(failures: int, successes: int, capacity: int) -> None:
    found = [trajectory(n, False) for n in range(failures)] + [
        trajectory(100 + n, True) for n in range(successes)
    ]
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


def test_a_file_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "not.npz").write_text("hello")
    task = load_task(write_task(tmp_path / "line"))
    for name in ("not.npz", "missing.npz"):
        with pytest.raises(UsageError, match="cannot read episodes"):
            recorded_trajectories(task, tmp_path / name)


def test_a_saved_bank_is_measured_by_the_task_as_it_is_now(tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "line"))
    env = record(task)
    play(env, lambda _: np.ones(1), 2)
    save_bank(
        tmp_path / "bank.npz", Bank(Trajectory(one, 123.0, False, "random") for one in env.episodes)
    )
    told = recorded_trajectories(task, tmp_path / "bank.npz")
    assert [one.success for one in told] == [True, True] and max(one.fitness for one in told) < 2
    assert {one.origin for one in told} == {"bank.npz"}


def test_episodes_of_another_form_are_refused(tmp_path: Path) -> None:
    """The same names do not make the same task: shapes, kinds of numbers and actions count too."""
    task, other = (
        load_task(write_task(tmp_path / "line")),
        load_task(write_task(tmp_path / "other", discrete=True)),
    )
    env = record(other)
    play(env, lambda _: 2, 1)
    with pytest.raises(
        UsageError,
        match=r"expected actions of shape \(\d+, 1\), float64, found shape \(\d+,\), int64",
    ):
        episodes_of(task, env.episodes, "other.npz")
    (episode,) = episodes_of(other, env.episodes, "other.npz")
    position = episode.fields["position"]
    for changed, problem in (
        ({"position": position[:, None]}, "found shape"),
        ({"position": position[1:]}, "found shape"),
        ({"position": position.astype(np.int64)}, "found shape .*int64"),
        ({}, "found no field 'position'"),
    ):
        odd = Episode(changed, episode.actions, episode.native_rewards, True, False)
        with pytest.raises(UsageError, match=problem):
            episodes_of(other, [odd], "odd.npz")
    fields = dict(reversed(episode.fields.items())) | {"extra": position}
    mixed = Episode(fields, episode.actions, episode.native_rewards, True, False)
    assert list(episodes_of(other, [mixed], "mixed.npz")[0].fields) == list(episode.fields)
