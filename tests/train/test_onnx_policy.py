"""Policies as ONNX files give the actions of Stable-Baselines3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from stable_baselines3 import PPO as Ppo
from stable_baselines3 import SAC as Sac
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rewardsmith.engine.workers.opening import running_functions
from rewardsmith.errors import BoundaryError
from rewardsmith.train import onnx_policy
from rewardsmith.train.onnx_policy import export_onnx
from rewardsmith.train.policy import export_zip
from tests.support.toy_envs import Match
from tests.support.trials import OFF_POLICY, PPO, job_for, toy_task, trial

DICT: dict[str, Any] = {
    "env_kwargs": {"dictionary": True}, "hyperparameters": {**PPO, "batch_size": 16}, "policy": "MultiInputPolicy",
    "normalise_observations": True, "fields": [{"name": "point", "source": 'info["point"]'}],
}  # fmt: skip
BOX: dict[str, Any] = {
    "algorithm": "SAC", "hyperparameters": OFF_POLICY, "env_kwargs": {"continuous": True},
    "normalise_observations": True,
}  # fmt: skip


@pytest.mark.parametrize(("training", "kind"), [(DICT, Ppo), (BOX, Sac)], ids=["Dict", "Box"])
def test_actions_are_those_of_the_exported_zip(
    tmp_path: Path, training: dict[str, Any], kind: Any
) -> None:
    task = toy_task(**training)
    trial(tmp_path, task, None)
    job = job_for(task, None)
    with running_functions(task, job) as functions:
        export_zip(task, job, tmp_path, functions)
        export_onnx(task, job, tmp_path, functions)
    session = onnxruntime.InferenceSession(str(tmp_path / "policy.onnx"))
    made = DummyVecEnv([lambda: Match(**training["env_kwargs"])] * 3)
    venv, model = (
        VecNormalize.load(str(tmp_path / "vecnormalize.pkl"), made),
        kind.load(tmp_path / "policy.zip"),
    )
    assert isinstance(venv, VecNormalize)
    obs = venv.reset()
    for _ in range(20):
        raw: Any = venv.get_original_obs()
        (found,) = session.run(None, raw if isinstance(raw, dict) else {"obs": raw})
        wanted, _ = model.predict(obs, deterministic=True)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
        obs, *_ = venv.step(wanted)


def test_a_file_with_other_actions_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = toy_task(**BOX)
    trial(tmp_path, task, None)
    job = job_for(task, None)
    other = onnx_policy.Normalisation(torch.tensor(0.5), torch.tensor(0.1), 10.0)
    monkeypatch.setattr(onnx_policy, "normalisation_of", lambda venv: {"": other})
    with (
        running_functions(task, job) as functions,
        pytest.raises(BoundaryError, match="ONNX file gives"),
    ):
        export_onnx(task, job, tmp_path, functions)
