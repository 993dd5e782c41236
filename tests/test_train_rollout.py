"""Rewards asked for once per rollout train exactly as rewards asked for at every step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import VecNormalize

from rewardsmith.errors import ProgramError
from rewardsmith.task.loading import Task, load_task
from rewardsmith.train.learner import make_learner, normalised
from rewardsmith.train.rollout_reward import RolloutNormalize, RolloutReward, SettleRollout
from rewardsmith.train.vec_reward import TrainingEpisode, VecReward
from rewardsmith.train.vectors import make_vec_env
from rewardsmith.types import Columns, Output


class Progress:
    """A reward in this process, with two terms; counts its calls."""

    arguments = ("position", "next_position", "next_velocity", "terminated")

    def __init__(self, breaks_after: int | None = None) -> None:
        self.calls = 0
        self._breaks_after = breaks_after

    def __call__(self, columns: Columns) -> Output:
        self.calls += 1
        right = 10.0 * (columns["next_position"] - columns["position"]) + np.abs(columns["next_velocity"])
        if self._breaks_after is not None and self.calls > self._breaks_after:
            right = np.full_like(right, np.nan)
        goal = np.where(columns["terminated"], 100.0, 0.0)
        return Output(right + goal, {"right": right, "goal": goal})


def trained(task: Task, kind: type[VecReward]) -> tuple[torch.Tensor, VecNormalize, list[TrainingEpisode], int]:
    training = task.spec.training
    program = Progress()
    rewarded = kind(make_vec_env(task, 4, 0), program, training.gamma, history=True)
    per_rollout = isinstance(rewarded, RolloutReward)
    venv = normalised(rewarded, training, RolloutNormalize if per_rollout else VecNormalize)
    model = make_learner(training, venv, 0, "cpu")
    model.learn(3000, callback=SettleRollout(rewarded) if isinstance(rewarded, RolloutReward) else None)
    assert isinstance(venv, VecNormalize)
    weights = torch.cat([value.flatten() for value in model.policy.state_dict().values()])
    return weights, venv, rewarded.take_finished(), program.calls


@pytest.mark.parametrize("observations", [True, False])
def test_the_same_weights_statistics_and_episodes(observations: bool) -> None:
    small = {"n_steps": 50, "batch_size": 100, "n_epochs": 2}
    # MountainCar's time limit of 200 steps ends episodes within, between and across rollouts of 50 steps.
    task = load_task("mountain-car").with_training({"hyperparameters": small, "normalise_observations": observations})
    by_step, by_rollout = trained(task, VecReward), trained(task, RolloutReward)
    assert torch.equal(by_step[0], by_rollout[0])
    assert by_step[1].ret_rms.var == by_rollout[1].ret_rms.var
    assert [e.own_return for e in by_step[2]] == pytest.approx([e.own_return for e in by_rollout[2]])
    assert [e.terms for e in by_step[2]] == [e.terms for e in by_rollout[2]]
    assert len(by_step[2]) == len(by_rollout[2]) == 3000 // 800 * 4
    assert (by_step[3], by_rollout[3]) == (750, 15)


def test_a_reward_that_is_not_finite_ends_the_training(tmp_path: Path) -> None:
    task = load_task("mountain-car").with_training({"hyperparameters": {"n_steps": 16, "batch_size": 32}})
    rewarded = RolloutReward(make_vec_env(task, 2, 0), Progress(breaks_after=2), 0.99)
    model = make_learner(task.spec.training, normalised(rewarded, task.spec.training, RolloutNormalize), 0, "cpu")
    with pytest.raises(ProgramError, match="nan during training, for"):
        model.learn(1000, callback=SettleRollout(rewarded))
    assert model.num_timesteps == 96  # two whole rollouts of 2 x 16, and the one that broke
