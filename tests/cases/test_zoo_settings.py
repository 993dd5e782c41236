"""Settings in the words of the RL Zoo, and values that are checked before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.utils import LinearSchedule

from rewardsmith.cli.values import training_changes
from rewardsmith.errors import UsageError
from rewardsmith.task.loading import load_task
from rewardsmith.task.training import TrainingSpec
from rewardsmith.train.learner import make_learner, normalised
from rewardsmith.train.vectors import make_vec_env
from tests.support.trials import PPO, toy_task, trial

ZOO: dict[str, Any] = {  # of CartPole-v1 and of Pendulum-v1, shortened
    "n_envs": 2,
    "n_timesteps": 1e5,
    "policy": "MlpPolicy",
    "normalize": "dict(norm_obs=True, norm_reward=False)",
    "n_steps": 16.0,
    "batch_size": 32,
    "gae_lambda": 0.8,
    "gamma": 0.98,
    "n_epochs": 2,
    "ent_coef": 0.0,
    "learning_rate": "lin_0.001",
    "clip_range": "lin_0.2",
    "policy_kwargs": "dict(net_arch=dict(pi=[8], vf=[8]), activation_fn=nn.ReLU, ortho_init=False)",
}


def learner(training: TrainingSpec, task: Any) -> Any:
    venv = make_vec_env(task, training.n_envs, 0)
    try:
        return make_learner(training, normalised(venv, training), 0, "cpu")
    finally:
        venv.close()


def test_a_zoo_entry_trains(tmp_path: Path) -> None:
    task = toy_task(hyperparameters=ZOO)
    training = task.spec.training
    assert (training.steps, training.n_envs, training.rollout_steps) == (100_000, 2, 32)
    assert (training.normalise_observations, training.normalise_reward) == (True, False)
    model = learner(training, task)
    assert isinstance(model.learning_rate, LinearSchedule) and model.lr_schedule(0.5) == 0.0005
    assert model.policy.net_arch == {"pi": [8], "vf": [8]}
    assert model.policy.activation_fn is torch.nn.ReLU and not model.policy.ortho_init
    assert trial(tmp_path, task)[1].status == "finished"


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("learning_rate=lin_3e-4", "learning_rate", "lin_3e-4"),
        ("policy_kwargs=dict(net_arch=[64,64])", "policy_kwargs", {"net_arch": [64, 64]}),
        ("policy_kwargs={'net_arch': [64]}", "policy_kwargs", {"net_arch": [64]}),
        (
            "policy_kwargs=dict(log_std_init=-2, net_arch=[dict(pi=[64], vf=[64])])",
            "policy_kwargs",
            {"log_std_init": -2, "net_arch": {"pi": [64], "vf": [64]}},
        ),
        ("buffer_size=1e5", "buffer_size", 100_000),
        ('train_freq=[1, "episode"]', "train_freq", [1, "episode"]),
        ("ent_coef=auto_0.1", "ent_coef", "auto_0.1"),
        ("gradient_steps=-1", "gradient_steps", -1),
    ],
)
def test_on_the_command_line(text: str, name: str, value: Any) -> None:
    changes = {"n_envs": 1, **training_changes([text])}
    training = load_task("mountain-car").with_training(changes).spec.training
    assert training.hyperparameters[name] == value


def test_noise_of_the_zoo() -> None:
    given = {"noise_type": "normal", "noise_std": 0.1}
    training = TrainingSpec(algorithm="TD3", hyperparameters=given)
    assert training.hyperparameters == {"action_noise": 0.1}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"n_steps": "128"}, "n_steps: expected a whole number from 1, found '128'"),
        ({"n_steps": 0}, "n_steps: expected a whole number"),
        ({"batch_size": 2.5}, "batch_size: expected a whole number"),
        ({"gamma": 1.5}, "gamma: expected a number from 0 to 1"),
        ({"gamma": True}, "gamma: expected a number"),
        ({"learning_rate": "lin_fast"}, "learning_rate: expected a number above 0, or a schedule"),
        ({"learning_rate": -1}, "learning_rate: expected"),
        ({"policy_kwargs": "dict(net_arch=f(3))"}, "is neither a number, a text nor a table"),
        ({"policy_kwargs": "dict(net_arch=[64"}, "expected a table"),
        ({"policy_kwargs": 3}, "policy_kwargs: expected a table"),
        (
            {"replay_buffer_class": "HerReplayBuffer", "replay_buffer_kwargs": "dict()"},
            "the environment's own compute_reward",
        ),
        ({"env_wrapper": "a.b.C"}, "wrappers"),
        ({"frame_stack": 4}, "wrappers"),
        ({"normalize": 3}, "normalize: expected true, false or a table"),
        ({"noise_type": "ornstein-uhlenbeck", "noise_std": 1}, "noise_type: expected normal"),
        ({"train_freq": [1, "episode"]}, "needs n_envs = 1"),
        ({"train_freq": "often"}, "train_freq: expected"),
    ],
)
def test_a_wrong_value_is_refused_when_the_task_is_read(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=r"training") as caught:
        toy_task(hyperparameters={**PPO, **given})
    assert says in str(caught.value), caught.value


@pytest.mark.parametrize("algorithm", ["RecurrentPPO", "ARS", "her"])
def test_learners_that_cannot_be_used_are_refused_with_the_reason(algorithm: str) -> None:
    with pytest.raises(UsageError, match=f"{algorithm}: .*use "):
        toy_task(algorithm=algorithm)


contrib = pytest.importorskip("sb3_contrib")


@pytest.mark.parametrize("algorithm", ["TQC", "CrossQ", "QRDQN", "TRPO"])
def test_learners_of_sb3_contrib(algorithm: str, tmp_path: Path) -> None:
    from tests.support.trials import MATCH, OFF_POLICY

    continuous = algorithm in ("TQC", "CrossQ")
    settings = {"n_steps": 16, "batch_size": 32} if algorithm == "TRPO" else OFF_POLICY
    task = toy_task(
        algorithm=algorithm, hyperparameters=settings, env_kwargs={"continuous": continuous}
    )
    source = MATCH.replace("(action > 0)", "(action[:, 0] > 0)") if continuous else MATCH
    report, result = trial(tmp_path, task, source, steps=96)
    assert (report.status, result.status) == ("finished", "finished")
    assert np.isfinite(result.fitness).all()
