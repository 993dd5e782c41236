"""What reset and step return: rewards of other kinds, no info, observations unlike their space."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import BoundaryError
from rewardsmith.task.drafting import draft_task
from tests.cases.envs import line
from tests.support.cases import checked, new_task, same_in_the_export
from tests.support.trials import trial

NEAR = """
import numpy as np

def reward(next_obs):
    return {"near": -np.abs(next_obs[:, 0] - next_obs[:, 1])}
"""


def quick(text: str) -> str:
    """A training of seconds."""
    head = text.partition("[training.hyperparameters]")[0].replace("n_envs = 16", "n_envs = 2")
    return head + "[training.hyperparameters]\nn_steps = 16\nbatch_size = 32\nn_epochs = 1\n"


def test_rewards_and_ends_that_are_arrays_of_one(tmp_path: Path) -> None:
    task, _ = new_task("line.py:ArrayReward", tmp_path, quick)
    same_in_the_export(
        checked(NEAR, task), task, line.ArrayReward(), tmp_path / "reward.py", [[0.5]] * 5
    )
    for source in (NEAR, None):  # also the native reward
        report, result = trial(tmp_path / f"trial{source is None}", task, source, steps=32)
        assert (report.status, result.status) == ("finished", "finished")


def test_no_reward_and_no_info(tmp_path: Path) -> None:
    """None is no reward: then something else measures success."""
    task, _ = new_task("line.py:NoReward", tmp_path)
    assert task.spec.fitness.source == "fitness.py:fitness"
    same_in_the_export(
        checked(NEAR, task), task, line.NoReward(), tmp_path / "reward.py", [[0.5]] * 5
    )
    collected = collect_preflight(task)
    assert all(not episode.native_rewards.any() for episode in collected.behaviour.episodes)


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ("TwoRewards", "as reward, expected one number"),
        ("WrongShape", r"obs has the shape \(1,\), its space says \(2,\)"),
        ("WrongKind", "obs has fractions, its space says uint8"),
        ("MissingKey", "obs has no key 'goal'"),
    ],
)
def test_what_is_unclear_is_refused_at_the_first_look(env: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BoundaryError, match=says) as caught:
        new_task(f"line.py:{env}", tmp_path)
    assert caught.value.where == "environment" and caught.value.hint


def test_other_ways_to_say_the_same(tmp_path: Path) -> None:
    def with_phase(text: str) -> str:
        field = '[[fields]]\nname = "phase"\nsource = \'info["phase"]\'\nwords = ["go", "on"]\n\n'
        return text.replace("[action]", field + "[action]")

    task, _ = new_task("line.py:Sloppy", tmp_path, with_phase)
    program = checked(NEAR.replace("next_obs):", "next_obs, next_phase):"), task)
    actions = [[0.5]] * line.STEPS
    same_in_the_export(program, task, line.Sloppy(), tmp_path / "reward.py", actions)
    phases = collect_preflight(task).behaviour.episodes[0].fields["phase"]
    assert phases[0, :3].tolist() == [1, 2, 0] and not phases[1].any()


def test_an_error_is_reported_with_the_line_that_raised_it(tmp_path: Path) -> None:
    """Of the user's file, or of the package; --debug is not needed to find it."""
    env = tmp_path / "broken.py"
    env.write_text("def make(**options):\n    options['mode']\n")
    with pytest.raises(BoundaryError) as caught:
        draft_task(f"{env}:make", "Do it.", tmp_path / "task")
    assert "KeyError: 'mode' (broken.py, line 2)" in caught.value.message
    assert "version" in caught.value.hint
