"""Calling a program once per rollout gives the same rewards as calling it at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.vec_env import VecNormalize

from rewardsmith.engine.workers.opening import open_host
from rewardsmith.errors import ProgramError
from rewardsmith.task.loading import Task
from rewardsmith.train.learner import make_learner, normalised
from rewardsmith.train.rewards import TrainingEpisode
from rewardsmith.train.rollout_reward import RolloutNormalize, RolloutReward, SettleRollout
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import make_vec_env
from tests.support.trials import MATCH, PPO, entry_of, toy_task

COUNT = """\
def reward(step, next_step, action):
    return {'up': next_step - 0.3 * step, 'calm': -np.abs(action).sum(axis=-1)}
"""


def learned(
    task: Task, source: str, per_rollout: bool, steps: int
) -> tuple[Any, Any, list[TrainingEpisode], Any]:
    """Weights, statistics, training episodes and the last rollout of a training."""
    torch.set_num_threads(1)
    training, base = task.spec.training, make_vec_env(task, task.spec.training.n_envs, 1)
    with open_host("import numpy as np\n" + source, entry_of(source), base.layout, 64) as host:
        kind, norm = (RolloutReward, RolloutNormalize) if per_rollout else (VecReward, VecNormalize)
        rewarded = kind(base, host, training.gamma, history=True)
        venv = normalised(rewarded, training, norm)
        model = make_learner(training, venv, 5, "cpu")
        model.learn(steps, callback=CallbackList([SettleRollout(rewarded)] if per_rollout else []))  # type: ignore[arg-type]
    running = venv.ret_rms  # type: ignore[attr-defined]
    statistics = [float(x) for x in (running.mean, running.var, running.count)]
    buffer = model.rollout_buffer  # type: ignore[attr-defined]
    rollout = {
        name: getattr(buffer, name) for name in ("rewards", "returns", "advantages", "values")
    }
    return dict(model.policy.state_dict()), statistics, rewarded.take_finished(), rollout


@pytest.mark.parametrize("normalise_reward", [True, False])
@pytest.mark.parametrize(
    ("env", "source", "kwargs"),
    [
        (
            "tests.support.toy_envs:Match",
            MATCH,
            {},
        ),  # episodes end by time, in the middle of rollouts: values are added to rewards
        ("tests.support.toy_envs:Counter", COUNT, {"lengths": (3, 7, 5)}),  # and by termination
        ("tests.support.toy_envs:Counter", COUNT, {"lengths": (50,)}),  # and longer than a rollout
    ],
)
def test_the_same_is_learned(
    env: str, source: str, kwargs: dict[str, Any], normalise_reward: bool
) -> None:
    fields = [{"name": "step", "source": "obs[2]"}] if "Counter" in env else []
    task = toy_task(env, fields, kwargs, {**PPO, "gamma": 0.9}, normalise_reward=normalise_reward)
    weights, statistics, episodes, rollout = learned(task, source, False, 160)
    weights2, statistics2, episodes2, rollout2 = learned(task, source, True, 160)
    assert not normalise_reward or statistics == pytest.approx(statistics2, rel=1e-12)
    for name, values in rollout.items():
        assert np.allclose(values, rollout2[name], rtol=1e-5, atol=1e-6), name
    for name, tensor in weights.items():
        assert torch.allclose(tensor, weights2[name], rtol=1e-5, atol=1e-6), name
    assert len(episodes) == len(episodes2) > 0
    for one, other in zip(episodes, episodes2, strict=True):
        assert one.terms == pytest.approx(other.terms) and one.own_return == pytest.approx(
            other.own_return
        )
        assert (one.length, one.native_return) == (other.length, other.native_return)
        assert one.episode is not None and other.episode is not None
        assert np.array_equal(one.episode.actions, other.episode.actions)


def test_the_error_of_a_value_that_is_not_finite_has_its_inputs() -> None:
    fields = [{"name": "step", "source": "obs[2]"}]
    task = toy_task("tests.support.toy_envs:Counter", fields, {"lengths": (5,)})
    with pytest.raises(ProgramError, match=r"inf.*'step': 2.0"):
        learned(task, "def reward(step):\n    return 1 / (step - 2)\n", True, 64)
