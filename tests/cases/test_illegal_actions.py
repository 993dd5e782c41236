"""Actions that are illegal in some states, and raise."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rewardsmith.api.export.module import reward_module
from rewardsmith.episodes.scripted import play_scripts
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.task.actions import is_legal
from rewardsmith.task.drafting import task_from_env
from rewardsmith.task.environment import make_env
from rewardsmith.train.preflight import run_preflight
from tests.support.cases import checked
from tests.support.trials import PPO, toy_task, trial

HERE = "tests.cases.envs.masks"
FACTS: Any = {
    "task": "t", "environment": "e", "goal": "fill the board",
    "fitness": {"report": None, "selection": {"mean": 1.0}},
    "native_fitness": None, "written_by": "me", "program": "p", "run": "r", "gamma": 0.99,
    "training": {"algorithm": "MaskablePPO", "steps": 10},
}  # fmt: skip
FAR = "def reward(action):\n    return {'far': 1.0 * action}\n"


@pytest.mark.parametrize("name", ["Masked", "Grid", "Switches"])
def test_random_scripted_and_trained_actions_are_legal(name: str, tmp_path: Path) -> None:
    pytest.importorskip("sb3_contrib")
    drafted = task_from_env(f"{HERE}:{name}", "Fill the board.", fitness="native_return")
    assert drafted.spec.training.algorithm == "MaskablePPO"
    task = toy_task(f"{HERE}:{name}", algorithm="MaskablePPO", hyperparameters=PPO)
    run_preflight(task, tmp_path / "preflight")
    assert len(play_scripts(task)[0]) > 8
    source = FAR if name == "Masked" else FAR.replace("action}", "action[:, 1]}")
    _, result = trial(tmp_path / "trial", task, source)
    assert result.status == "finished" and len(result.fitness) == 3


def test_which_actions_are_legal() -> None:
    board = make_env(toy_task(f"{HERE}:Masked"))
    board.reset(seed=0)
    board.step(2)
    assert [is_legal(board, place) for place in range(6)] == [True, True, False, True, True, True]
    switches = make_env(toy_task(f"{HERE}:Switches"))
    switches.reset(seed=0)
    switches.step(np.array([1, 0, 0, 0, 0, 0]))
    assert not is_legal(switches, np.array([1, 1, 0, 0, 0, 0]))
    assert is_legal(switches, np.array([0, 1, 0, 0, 0, 0]))


def test_without_masks_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BoundaryError, match=r"place \d is occupied") as caught:
        task_from_env(f"{HERE}:Board", "Fill the board.")
    assert "action_masks()" in caught.value.hint and caught.value.where == "environment"


def test_masks_that_do_not_fit_are_the_environments_fault() -> None:
    with pytest.raises(BoundaryError, match="legal action") as caught:
        task_from_env(f"{HERE}:Wrong", "Fill the board.")
    assert "action_masks() must fit Discrete(6)" in caught.value.hint


def test_a_masked_learner_needs_masks(tmp_path: Path) -> None:
    pytest.importorskip("sb3_contrib")
    task = toy_task(algorithm="maskableppo", hyperparameters=PPO)
    with pytest.raises(UsageError, match="has no method action_masks") as caught:
        run_preflight(task, tmp_path)
    assert '"PPO"' in caught.value.hint


@pytest.mark.parametrize("normalised", [True, False])
def test_the_exported_policy_is_shown_which_actions_are_legal(
    normalised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contrib = pytest.importorskip("sb3_contrib")
    settings = {"normalise_observations": normalised, "normalise_reward": False}
    task = toy_task(f"{HERE}:Masked", algorithm="MaskablePPO", hyperparameters=PPO, **settings)
    text = reward_module(task, checked(FAR, task), FACTS)
    (tmp_path / "reward.py").write_text(text)
    venv = VecNormalize(DummyVecEnv([lambda: make_env(task)]))
    contrib.MaskablePPO("MlpPolicy", venv, n_steps=8, batch_size=8).save(tmp_path / "policy.zip")
    venv.save(str(tmp_path / "vecnormalize.pkl"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    given: list[Any] = []
    predict = contrib.MaskablePPO.predict

    def recorded(*args: Any, **kwargs: Any) -> Any:
        given.append(kwargs["action_masks"])
        return predict(*args, **kwargs)

    monkeypatch.setattr(contrib.MaskablePPO, "predict", recorded)
    shown = str(ast.get_docstring(ast.parse(text)))
    lines = [line[4:] for line in shown.splitlines() if line.startswith("    ")]
    exec("\n".join(lines), {})
    assert np.shape(given[0])[-1] == 6 and np.all(given[0])
    monkeypatch.delitem(sys.modules, "reward")
