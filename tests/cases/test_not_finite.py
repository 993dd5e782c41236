"""NaN and infinity in observations, info and rewards: named, and never blamed on a program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.episodes.random_policy import collect_preflight, random_behaviour
from rewardsmith.errors import BoundaryError
from rewardsmith.train.vectors import make_vec_env
from tests.cases.envs import line
from tests.support.cases import checked, new_task, same_in_the_export

NEAR = """
import numpy as np

def reward(obs, next_obs):
    return {"near": -np.abs(next_obs[:, 0] - next_obs[:, 1]), "was": 0.1 * obs[:, 0]}
"""


def policy(name: str) -> object:
    return lambda text: text.replace('# nan_policy = "last"', f'nan_policy = "{name}"')


def test_the_first_look_names_it(tmp_path: Path) -> None:
    task, notes = new_task("line.py:Gap", tmp_path)
    assert "obs[0] is nan after" in notes and "nan_policy" in notes
    with pytest.raises(
        BoundaryError, match=r"obs\[0\] \(field 'obs_0'\) is nan after (step \d+ of an|a reset)"
    ) as found:
        rs.check(NEAR, task)
    assert found.value.where == "environment" and "nan_policy" in found.value.hint


@pytest.mark.parametrize("name", ["zero", "last"])
def test_what_stands_in_its_place(name: str, tmp_path: Path) -> None:
    """In training and in the export, for the policy and for programs."""
    task, _ = new_task("line.py:Gap", tmp_path, policy(name))  # type: ignore[arg-type]
    venv = make_vec_env(task, 1, seed=3)
    bare = line.Gap()
    shown, (raw, _) = venv.reset(), bare.reset(seed=3)
    last, gaps = np.zeros(2, np.float32), 0
    for _ in range(line.STEPS):
        gaps += int(np.isnan(raw).any())
        last = np.where(np.isnan(raw), last if name == "last" else 0, raw)
        assert shown[0].tolist() == last.tolist()
        venv.buffers.begin()
        shown, _, _, _ = venv.step(np.array([[0.5]], np.float32))
        raw, _, terminated, truncated, _ = bare.step([0.5])
        if terminated or truncated:
            break
    assert gaps > 0
    program = checked(NEAR, task)
    same_in_the_export(program, task, line.Gap(), tmp_path / "reward.py", [[0.5]] * line.STEPS)


def test_it_may_show_in_a_training_first(tmp_path: Path) -> None:
    """It ends the training as a failure of the environment."""
    task, _ = new_task("line.py:RareGap", tmp_path)
    venv = make_vec_env(task, 1, seed=0)
    with pytest.raises(BoundaryError, match=r"obs\[0\] \(field 'obs_0'\) is nan") as caught:
        for _ in range(40):
            venv.reset()
            venv.buffers.begin()
            for _ in range(line.STEPS - 1):
                venv.step(np.array([[-1.0]], np.float32))
                venv.buffers.advance()
    assert caught.value.where == "environment"


def test_a_field_of_info_is_named_and_may_have_a_default(tmp_path: Path) -> None:
    task, notes = new_task("line.py:InfoGap", tmp_path)
    assert 'info["time_left"] is inf' in notes
    with pytest.raises(BoundaryError, match=r"field 'time_left', from .* is inf after step"):
        collect_preflight(task)

    def stated(text: str) -> str:
        return text.replace(
            "source = 'info[\"time_left\"]'", "source = 'info[\"time_left\"]'\ndefault = 99"
        )

    task, _ = new_task("line.py:InfoGap", tmp_path / "stated", stated)
    values = np.concatenate([e.fields["time_left"] for e in random_behaviour(task).episodes])
    assert (values == 99).any() and np.isfinite(values).all()
    program = checked("def reward(next_time_left):\n    return {'a': next_time_left}\n", task)
    same_in_the_export(program, task, line.InfoGap(), tmp_path / "reward.py", [[0.5]] * 9)


def test_a_reward_that_is_nan(tmp_path: Path) -> None:
    task, _ = new_task("line.py:NanReward", tmp_path)
    with pytest.raises(BoundaryError, match="reward is nan after step 5 of an episode"):
        rs.check(NEAR, task)
