"""Box actions of an integer dtype: learners act with fractions, and the environment gets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.train.preflight import run_preflight
from rewardsmith.train.vectors import make_vec_env
from tests.cases.envs.line import WholeActions
from tests.support.cases import checked, new_task, same_in_the_export

EFFORT = """
import numpy as np

def reward(next_obs, action, prev_action):
    half = np.zeros_like(action)
    half[:, 0] = 0.5
    return {"effort": -np.abs(action[:, 0] + half[:, 0]), "change": prev_action[:, 0]}
"""


def test_programs_read_what_the_environment_was_given(tmp_path: Path) -> None:
    task, notes = new_task("line.py:WholeActions", tmp_path)
    assert "fractions" in notes and "MultiDiscrete" in notes
    venv = rs.VecReward(make_vec_env(task, 1, seed=0), None, gamma=0.99)
    venv.reset()
    for sent in (0.7, -0.7, 1.9):
        venv.step(np.array([[sent]], np.float32))
        assert float(venv.buffers.columns(["action"])["action"][0, 0]) == pytest.approx(sent)


def test_the_export_rewards_the_same(tmp_path: Path) -> None:
    """Also whole numbers, as a user's own policy may send them."""
    task, _ = new_task("line.py:WholeActions", tmp_path)
    actions = [np.array([0.7], np.float32), np.array([-1.9], np.float32), np.array([2])]
    rewards = same_in_the_export(
        checked(EFFORT, task), task, WholeActions(), tmp_path / "reward.py", actions
    )
    assert rewards == pytest.approx([-1.2 + 0.7, -1.4 + 0.7, -2.5 - 1.9], abs=1e-6)


def test_an_environment_that_needs_integers_is_found_before_a_training(tmp_path: Path) -> None:
    task, _ = new_task("line.py:WholeActionsOnly", tmp_path)
    with pytest.raises(BoundaryError, match="while taking an action of PPO") as caught:
        run_preflight(task, tmp_path / "preflight")
    assert caught.value.where == "environment" and "MultiDiscrete" in caught.value.hint


def test_off_policy_learners_would_store_other_actions(tmp_path: Path) -> None:
    def with_sac(text: str) -> str:
        return text.partition("[training.hyperparameters]")[0].replace('"PPO"', '"SAC"')

    task, _ = new_task("line.py:WholeActions", tmp_path, with_sac)
    with pytest.raises(UsageError, match="SAC cannot learn actions of int64") as caught:
        run_preflight(task, tmp_path / "preflight")
    assert "PPO" in caught.value.hint
