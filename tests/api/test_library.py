"""The library as a script uses it: names, settings, and errors before anything is spent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.api.opening import Measured
from rewardsmith.task.environment import guarded_reset, guarded_step


def test_no_public_name_is_hidden_by_a_folder() -> None:
    script = (
        "import rewardsmith as rs, rewardsmith.train.vectors; print(callable(rs.train_program))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=800, check=True
    )
    assert done.stdout.strip() == "True"
    folders = {path.name for path in Path(rs.__file__).parent.iterdir()} | {"train", "task"}
    assert not folders & set(rs.__all__)


def test_a_misspelt_setting_is_refused_with_the_nearest_name() -> None:
    misspelt: dict[str, Any] = {"budgt": rs.Budget(tokens=10)}
    with pytest.raises(rs.UsageError, match="no setting 'budgt'") as caught:
        rs.plan("mountain-car", model="openai/some", **misspelt)
    assert "'budget'" in caught.value.hint


def test_an_option_of_a_strategy_given_as_a_setting_names_its_place() -> None:
    option: dict[str, Any] = {"rounds": 1}
    with pytest.raises(rs.UsageError, match="rounds is an option of the strategy") as caught:
        rs.design("mountain-car", model="grammar", **option)
    assert caught.value.hint == 'give options={"rounds": 1}'


def test_another_algorithm_and_its_settings_are_checked_before_a_run() -> None:
    planned = rs.plan("mountain-car-continuous", model="grammar", training={"algorithm": "SAC"})
    training = planned.task.spec.training
    assert (training.algorithm, training.n_envs) == ("SAC", 1)
    assert training.hyperparameters == {"gamma": 0.99}  # n_steps of PPO is another thing to SAC
    similar = {"algorithm": "maskableppo", "hyperparameters": {"n_steps": 64}}
    kept = rs.plan("mountain-car", model="grammar", training=similar).task.spec.training
    assert (kept.algorithm, kept.hyperparameters["n_steps"]) == ("MaskablePPO", 64)
    assert kept.hyperparameters["batch_size"] > 64
    wrong = {"hyperparameters": {"learning_rat": 0.1}}
    with pytest.raises(rs.UsageError, match="no hyper-parameter 'learning_rat'"):
        rs.plan("mountain-car", model="grammar", training=wrong)
    with pytest.raises(rs.UsageError, match="n_steps: expected a whole number"):
        rs.plan("mountain-car", model="grammar", training={"hyperparameters": {"n_steps": "128"}})


def test_the_speed_of_an_environment_narrows_the_estimate_of_minutes() -> None:
    planned = rs.plan("mountain-car", model="grammar")
    wide = rs.estimate(planned, workers=2).minutes
    fast = rs.estimate(planned, 2, Measured(step_s=0.0, fast=True)).minutes
    assert fast.low == wide.low and fast.high < wide.high / 5
    other = rs.estimate(planned, 2, Measured(step_s=0.0, fast=False)).minutes
    assert other.low > 5 * wide.low and other.high == wide.high
    slow = rs.estimate(planned, 2, Measured(step_s=0.1, fast=True))
    assert slow.minutes.high == pytest.approx(fast.high + slow.steps.high * 0.1 / 2 / 60)


def test_a_plan_needs_no_key_and_a_run_does(tmp_path: Any) -> None:
    planned = rs.plan("mountain-car", model="openai/some")
    assert planned.config.model == "openai/some"
    with pytest.raises(rs.UsageError, match="OPENAI_API_KEY"):
        rs.design(planned, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("wrong", [{"steps": -5}, {"steps": 0}, {"report_seeds": -1}])
def test_numbers_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(rs.UsageError, match=next(iter(wrong))):
        rs.plan("mountain-car", model="openai/some", **wrong)


class OldInterface(gym.Env[Any, Any]):
    """Answers as Gym did before 0.26."""

    observation_space = gym.spaces.Box(-1, 1, (2,))
    action_space = gym.spaces.Discrete(2)

    def reset(self, **_: Any) -> Any:
        return np.zeros(2, np.float32)

    def step(self, action: Any) -> Any:
        return np.zeros(2, np.float32), 0.0, False, {}


def test_the_old_interface_is_named() -> None:
    with pytest.raises(rs.BoundaryError, match="reset returned a ndarray, expected"):
        guarded_reset(OldInterface())
    with pytest.raises(rs.BoundaryError, match="step returned 4 values, expected"):
        guarded_step(OldInterface(), 0)


SOURCE = "def reward(next_position):\n    return {'place': next_position}\n"


def test_a_program_is_source_or_a_path_everywhere(tmp_path: Path) -> None:
    file = tmp_path / "reward.py"
    file.write_text(SOURCE, encoding="utf-8")
    checked = rs.CheckedProgram.of(SOURCE, rs.Verdict("accepted"))
    for program in (SOURCE, str(file), file, rs.Program("id", SOURCE), checked):
        found = rs.check(program, "mountain-car", runs=tmp_path)
        assert found.verdict.accepted and found.appraisal is not None and found.ranges is None
        loaded = rs.load_program(program, "mountain-car")
        assert loaded.source == SOURCE
        loaded.close()
    with pytest.raises(rs.UsageError, match="cannot read") as caught:
        rs.check("def reward(): return 0", "mountain-car")
    assert "line break" in caught.value.hint
    with pytest.raises(rs.UsageError, match="the program was refused"):
        rs.train_program("def reward(positon):\n    return 0\n", "mountain-car", runs=tmp_path)


def test_anything_else_is_no_program(tmp_path: Path) -> None:
    task = "mountain-car"
    with rs.load_program(SOURCE, task) as loaded:
        for call in (
            lambda: rs.train_program(loaded, task, runs=tmp_path),
            lambda: rs.check(loaded, task, runs=tmp_path),
            lambda: rs.load_program(loaded, task),
            lambda: rs.load_program(None, task),
        ):
            with pytest.raises(rs.UsageError, match=r"expected a program, .*; found a ") as caught:
                call()
            assert "give its path, or its source" in caught.value.hint
    with pytest.raises(rs.UsageError, match="expected a loaded program, found a str") as caught:
        rs.RewardWrapper(gym.make("MountainCar-v0"), SOURCE)
    assert "load_program" in caught.value.hint


def test_the_strategies_and_the_sandbox_as_data() -> None:
    options = {one.name: one.options for one in rs.strategies()}
    assert options["eureka"]["rounds"] > 1
    found = rs.doctor()
    assert found.sandbox.level in ("strong", "medium", "weak") and "none" in found.refused
    assert found.host_start_ms > 0 and found.call_us > 0
