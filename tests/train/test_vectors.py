"""A vector environment of a task does what its single environments do."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.episodes.recorder import History
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.trials import TrialJob
from rewardsmith.task.loading import Task
from rewardsmith.terms.reward import as_reward
from rewardsmith.train.evaluation import run_evaluation
from rewardsmith.train.fast import FastTrainer
from rewardsmith.train.preflight import run_preflight
from rewardsmith.train.trainers import Member, RunningFunctions
from rewardsmith.train.vector_check import check_vector
from rewardsmith.train.vectors import BatchVecEnv, ScalarVecEnv, make_vec_env
from rewardsmith.types import Episode
from tests.support.tanks import tank_task


def episodes_of(task: Task, steps: int = 40) -> list[Episode]:
    """Episodes of the same random actions."""
    with closing(make_vec_env(task, 4, seed=7)) as venv:
        venv.reset()
        venv.buffers.begin()
        history, rng, found = History(venv.buffers), np.random.default_rng(0), list[Any]()
        for _ in range(steps):
            _, _, dones, infos = venv.step(rng.uniform(-1, 1, (4, 1)).astype(np.float32))
            for row, episode in history.add(dones):
                found.append(episode)
                cut = episode.truncated and not episode.terminated
                assert infos[row]["TimeLimit.truncated"] == cut
                np.testing.assert_array_equal(
                    infos[row]["terminal_observation"], episode.fields["obs"][-1].astype(np.float32)
                )
            venv.buffers.advance()
        return found


def test_episodes_are_those_of_single_environments() -> None:
    single, many = episodes_of(tank_task()), episodes_of(tank_task("Tanks"))
    assert len(single) == len(many) > 8
    assert any(episode.truncated for episode in many)  # the time limit is the task's
    for wanted, found in zip(single, many, strict=True):
        assert (wanted.terminated, wanted.truncated) == (found.terminated, found.truncated)
        np.testing.assert_allclose(wanted.actions, found.actions)
        np.testing.assert_allclose(wanted.native_rewards, found.native_rewards, atol=1e-6)
        for name, values in wanted.fields.items():
            np.testing.assert_allclose(values, found.fields[name], atol=1e-6, err_msg=name)


def test_which_kind_is_made() -> None:
    for task, kind in ((tank_task(), ScalarVecEnv), (tank_task("Tanks"), BatchVecEnv)):
        with closing(make_vec_env(task, 2, 0)) as venv:
            assert type(venv) is kind
    with closing(make_vec_env(tank_task("Tanks", kwargs={"leak": 0.1}), 2, 0)) as venv:
        venv.reset()
        venv.buffers.begin()
        obs, _, _, _ = venv.step(np.zeros((2, 1), np.float32))
        assert obs[:, 1] == pytest.approx(0.1)  # arguments of [env] reach it


def test_the_preflight_accepts_a_right_one(tmp_path: Path) -> None:
    check_vector(tank_task("Tanks"))
    run_preflight(tank_task("Tanks"), tmp_path)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ("Leaking", r"differs from .*Tank: after 1 steps, in row 0, .* is \[.*\], in the single"),
        ("Resetting", "AutoresetMode.DISABLED"),
        ("OtherActions", r"its actions are Discrete\(2\), not those of"),
        ("NoVector", "expected a gymnasium.vector.VectorEnv, found a NoVector"),
        ("Missing", "has no 'Missing'"),
    ],
)
def test_the_preflight_refuses_a_wrong_one(vector: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        run_preflight(tank_task(vector), tmp_path)


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ("Silent", r"reading .*over.* of all rows: KeyError"),
        ("Empty", r"the vector environment: .* is \[.*nan\] in row 2"),
    ],
)
def test_what_it_returns_is_checked_in_each_step(vector: str, message: str) -> None:
    with closing(make_vec_env(tank_task(vector), 4, 0)) as venv:
        venv.reset()
        venv.buffers.begin()
        with pytest.raises(BoundaryError, match=message) as caught:
            venv.step(np.zeros((4, 1), np.float32))
        assert caught.value.where == "environment"


@pytest.mark.parametrize(
    "more", [{"wrappers": ["gymnasium.wrappers:FlattenObservation"]}, {"nan_policy": "zero"}]
)
def test_it_takes_no_wrappers(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="leave out vector"):
        tank_task("Tanks", **more)


def test_a_trial_is_trained_and_evaluated_in_it(tmp_path: Path) -> None:
    task = tank_task("Tanks")
    job = TrialJob(
        steps=128, training=task.spec.training, evaluation=task.spec.evaluation, device="cpu"
    )
    member = Member(job, tmp_path, lambda venv: RunningFunctions(as_reward(None)))
    FastTrainer().train(task, [member])
    result = run_evaluation(task, job, tmp_path, member.open_functions)
    assert result.status == "finished" and len(result.fitness) == 3
