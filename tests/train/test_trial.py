"""Trials from the first step to the result: every learner, kind of observation and ending."""

from __future__ import annotations

import csv
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rewardsmith.engine.workers.opening import open_host, running_functions
from rewardsmith.errors import BoundaryError, ProgramError, UsageError
from rewardsmith.run.trials import RANKING_EPISODES, TrialResult
from rewardsmith.sandbox.limits import Limits
from rewardsmith.task.loading import Task
from rewardsmith.terms.specs import program_terms
from rewardsmith.train.evaluation import run_evaluation
from rewardsmith.train.learner import (
    algorithm_class,
    load_state,
    make_learner,
    make_policy,
    normalised,
    save_state,
)
from rewardsmith.train.preflight import run_preflight
from rewardsmith.train.trainers import Member
from rewardsmith.train.trial import run_training
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import make_vec_env
from tests.support.places import ROOT, SUPPORT
from tests.support.toy_envs import Counter
from tests.support.trials import MATCH, OFF_POLICY, PPO, entry_of, job_for, toy_task, trial

CONTINUOUS = {"env_kwargs": {"continuous": True}}
PIXELS = [
    {"name": "light", "source": 'info["light"]', "at_reset": True},
    {"name": "moved", "source": 'info["moved"]'},
]


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curve.csv").open() as file:
        return list(csv.DictReader(file))


# --------------------------------------------------------------------------------------------------- to the end


@pytest.mark.parametrize(
    ("algorithm", "more"),
    [
        ("PPO", {"hyperparameters": PPO}),
        ("PPO", {"hyperparameters": PPO, **CONTINUOUS}),
        ("DQN", {"hyperparameters": OFF_POLICY}),
        ("SAC", {"hyperparameters": OFF_POLICY, **CONTINUOUS}),
        ("TD3", {"hyperparameters": {**OFF_POLICY, "action_noise": 0.1}, **CONTINUOUS}),
    ],
)
def test_every_learner(algorithm: str, more: dict[str, Any], tmp_path: Path) -> None:
    source = MATCH.replace("(action > 0)", "(action[:, 0] > 0)") if "env_kwargs" in more else MATCH
    report, result = trial(tmp_path, toy_task(algorithm=algorithm, **more), source, steps=96)
    assert (report.status, result.status, report.steps) == ("finished", "finished", 96)
    assert len(result.fitness) == 3 and all(0 <= value <= 8 for value in result.fitness)
    assert result.successes == [value >= 7 for value in result.fitness]
    assert result.checkpoint in report.checkpoints and report.checkpoints[-1] == "000000096"
    for name in report.checkpoints:
        assert {f"{name}.pt", f"{name}.npz"} <= {
            file.name for file in (tmp_path / "checkpoints").iterdir()
        }
    rows = curve(tmp_path)
    assert int(rows[-1]["steps"]) == 96
    assert {"fitness", "success", "own_return", "term/match", "term/cost"} <= set(rows[0])
    ended = [row for row in rows if row["episodes"] != "0"]
    assert ended and sum(int(row["episodes"]) for row in rows) == 96 // 8
    for row in ended:
        assert float(row["own_return"]) == pytest.approx(
            float(row["native_return"]) - 0.08, abs=1e-4
        )
        assert float(row["fitness"]) == float(row["native_return"]) and float(row["length"]) == 8
        assert float(row["term/cost"]) == pytest.approx(-0.08)
    assert json.loads((tmp_path / "trained.json").read_text())["digest"] == result.digest
    assert TrialResult.model_validate_json((tmp_path / "result.json").read_text()) == result
    assert list((tmp_path / "tensorboard").iterdir())


def test_the_native_reward(tmp_path: Path) -> None:
    _, result = trial(tmp_path, toy_task(), None)
    assert (
        result.status == "finished"
        and curve(tmp_path)[-1]["own_return"] == curve(tmp_path)[-1]["native_return"]
    )
    assert not any(key.startswith("term/") for key in curve(tmp_path)[0])


@pytest.mark.parametrize("normalise_reward", [True, False])
def test_a_dict(tmp_path: Path, normalise_reward: bool) -> None:
    fields = [
        {"name": "shown", "source": 'obs["shown"][0]'},
        {"name": "round", "source": 'obs["round"]'},
    ]
    task = toy_task(
        env_kwargs={"dictionary": True},
        fields=fields,
        policy="MultiInputPolicy",
        normalise_reward=normalise_reward,
    )
    source = "def reward(shown, next_round, action):\n    right = (shown > 0) == (action > 0)\n"
    source += "    return {'a': right, 'b': 0.1 * next_round}\n"
    _, result = trial(tmp_path, task, source)
    assert result.status == "finished"
    assert float(curve(tmp_path)[-1]["term/b"]) == pytest.approx(3.6)
    with np.load(tmp_path / "checkpoints" / f"{result.checkpoint}.npz") as arrays:
        assert "obs/shown/mean" in arrays.files and not any(
            "round" in name for name in arrays.files
        )


@pytest.mark.parametrize("normalise_reward", [True, False])
def test_pixels_with_a_reward_from_info(tmp_path: Path, normalise_reward: bool) -> None:
    task = toy_task(
        "tests.support.toy_envs:Pixels",
        PIXELS,
        policy="CnnPolicy",
        normalise_reward=normalise_reward,
    )
    source = "def reward(light, next_light, next_moved):\n"
    source += "    return {'right': next_light - light, 'same': next_moved}\n"
    _, result = trial(tmp_path, task, source, steps=32)
    assert result.status == "finished", result.message
    row = curve(tmp_path)[-1]
    assert row["term/right"] == row["term/same"]


# ------------------------------------------------------------------------------------------------
# repeatability


def test_equal_seeds_give_equal_results_in_fresh_processes(tmp_path: Path) -> None:
    """Also in a process that trained with another seed before."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [("a", "1"), ("b", "2", "1")]
    processes = [
        subprocess.Popen(
            [sys.executable, str(SUPPORT / "trials.py"), str(tmp_path / folder), *seeds],
            env=environment,
        )
        for folder, *seeds in words
    ]
    assert [process.wait(100) for process in processes] == [0, 0]
    one, same, other = (tmp_path / name for name in ("a/seed1", "b/seed1", "b/seed2"))
    assert facts(one) == facts(same)
    assert weights(one) == weights(same)
    assert weights(one) != weights(other) and facts(one) != facts(other)


def facts(folder: Path) -> Any:
    rows = [{key: value for key, value in row.items() if key != "wall_s"} for row in curve(folder)]
    result = json.loads((folder / "result.json").read_text())
    del result["wall_s"]
    return rows, result


def weights(folder: Path) -> dict[str, bytes]:
    found = {}
    for file in sorted((folder / "checkpoints").glob("*.pt")):
        state = torch.load(file, weights_only=True)
        found |= {f"{file.name} {name}": value.numpy().tobytes() for name, value in state.items()}
        with np.load(file.with_suffix(".npz")) as arrays:
            found |= {f"{file.name} {name}": arrays[name].tobytes() for name in arrays.files}
    return found


# -------------------------------------------------------------------------------------------------
# checkpoints


@pytest.mark.parametrize("dictionary", [False, True])
def test_checkpoints_bring_weights_and_statistics_back(tmp_path: Path, dictionary: bool) -> None:
    policy = "MultiInputPolicy" if dictionary else "MlpPolicy"
    fields = [{"name": "shown", "source": 'obs["shown"]' if dictionary else "obs[0]"}]
    task = toy_task(env_kwargs={"dictionary": dictionary}, fields=fields, policy=policy)
    training = task.spec.training
    venv = normalised(VecReward(make_vec_env(task, 2, 0), None, 0.99), training)
    model = make_learner(training, venv, 0, "cpu")
    model.learn(64)
    save_state(model, venv, tmp_path, "x")
    other = normalised(make_vec_env(task, 1, 5), training)
    acting = make_policy(training, other)
    load_state(acting, other, tmp_path, "x")
    other.training = False  # type: ignore[attr-defined]
    raw = [task_obs(task, seed) for seed in range(6)]
    for obs in raw:
        seen, expected = other.normalize_obs(obs), venv.normalize_obs(obs)  # type: ignore[attr-defined]
        assert_same(seen, expected)
        assert (
            model.predict(seen, deterministic=True)[0]
            == acting.predict(seen, deterministic=True)[0]
        )
    assert (other.ret_rms.mean, other.ret_rms.var) == (venv.ret_rms.mean, venv.ret_rms.var)  # type: ignore[attr-defined]


def task_obs(task: Task, seed: int) -> Any:
    venv = make_vec_env(task, 1, seed)
    return venv.reset()


def assert_same(a: Any, b: Any) -> None:
    for x, y in zip(a.values(), b.values(), strict=True) if isinstance(a, dict) else [(a, b)]:
        assert np.array_equal(x, y)


def test_a_damaged_checkpoint_is_said_to_be_one(tmp_path: Path) -> None:
    task = toy_task()
    venv = normalised(make_vec_env(task, 1, 0), task.spec.training)
    model = make_policy(task.spec.training, venv)
    save_state(model, venv, tmp_path, "x")
    (tmp_path / "x.pt").write_bytes(b"not weights")
    with pytest.raises(BoundaryError, match="reading checkpoint x"):
        load_state(model, venv, tmp_path, "x")


# -------------------------------------------------------------------------------------------
# programs that break

BREAKS = {
    "raises": ("    if (obs[:, 0] > 2).any() or count > 30:\n        return np.nope\n", "nope", 5),
    "nan": ("    if count > 30:\n        return obs[:, 0] * np.nan\n", "nan", 0),
    "hangs": ("    while count > 30:\n        pass\n", "no result", 0),
}


@pytest.mark.parametrize("algorithm", ["PPO", "DQN"])
@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.filterwarnings("error")
def test_a_program_that_breaks_ends_its_own_trial(how: str, algorithm: str, tmp_path: Path) -> None:
    body, message, line = BREAKS[how]
    source = f"def reward(obs, step):\n    count = step.max()\n{body}    return 0.0 * obs[:, 0]\n"
    fields = [{"name": "step", "source": "fields.py:step"}]
    task = toy_task(
        fields=fields,
        algorithm=algorithm,
        hyperparameters=PPO if algorithm == "PPO" else OFF_POLICY,
    )
    task = with_clock(task, tmp_path)
    report, result = trial(
        tmp_path / "t", task, source, steps=128, limits=Limits(call_s=0.4, load_s=2.0)
    )
    assert (report.status, result.status, result.fitness) == (
        "program_failed",
        "program_failed",
        [],
    )
    assert message in report.message and (report.message, report.line) == (
        result.message,
        result.line,
    )
    assert report.line == line and 30 <= report.steps < 128
    assert report.steps == result.steps
    gc.collect()  # an unclosed file would warn here, and a warning is an error
    open_files = [
        os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if exists(n)
    ]
    assert not [name for name in open_files if str(tmp_path) in name]


@pytest.mark.parametrize("algorithm", ["PPO", "DQN"])
@pytest.mark.parametrize(
    "value", ["1e39", "1e30", "np.nan, {'a': 1.0}", "0.0, {'a': np.log(-1.0 - action)}"]
)
def test_a_value_that_no_learner_can_use_is_the_programs_fault(
    value: str, algorithm: str, tmp_path: Path
) -> None:
    """Learners compute in float32, where 1e39 is infinite, and the square of 1e30."""
    hyperparameters = PPO if algorithm == "PPO" else OFF_POLICY
    task = toy_task(algorithm=algorithm, hyperparameters=hyperparameters, normalise_reward=False)
    report, result = trial(tmp_path, task, f"def reward(action):\n    return {value}\n", steps=64)
    assert (report.status, result.status) == ("program_failed", "program_failed")
    assert "became" in report.message and "nan" not in (tmp_path / "curve.csv").read_text()


def test_a_module_that_fails_when_it_is_loaded_is_the_programs_fault(tmp_path: Path) -> None:
    task = toy_task()
    job = job_for(task)
    with pytest.raises(ProgramError):  # the control
        open_host("X = 1 / 0\n", entry_of(MATCH), make_vec_env(task, 1, 0).layout, 64)
    reward = program_terms("X = 1 / 0\n" + MATCH, {"reward": entry_of(MATCH)}, "batched")
    job = job.model_copy(update={"reward": reward})
    with running_functions(task, job) as open_functions:
        report = run_training(task, Member(job, tmp_path, open_functions))
    assert (report.status, report.steps, report.line, report.checkpoints) == (
        "program_failed",
        0,
        1,
        [],
    )
    assert "ZeroDivisionError" in report.message
    assert run_evaluation(task, job, tmp_path, open_functions).status == "program_failed"


def exists(number: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{number}")


def with_clock(task: Task, folder: Path) -> Task:
    """With a field that counts the steps of an environment over all its episodes."""
    (folder / "fields.py").write_text(
        "def step(env, obs, info):\n    env.clock = getattr(env, 'clock', -1) + 1\n    return env.clock\n"
    )
    return Task(task.name, task.spec, folder)


def test_a_program_that_breaks_in_evaluation(tmp_path: Path) -> None:
    """The steps until then are charged to the budget."""
    source = "def reward(obs):\n    if len(obs) == 8:\n        raise ValueError('eight')\n    return 0 * obs[:, 0]\n"
    task = toy_task(
        algorithm="DQN", hyperparameters=OFF_POLICY
    )  # it asks for two rows; an episode has eight
    report, result = trial(tmp_path, task, source, steps=32)
    assert (report.status, result.status, result.message) == (
        "finished",
        "program_failed",
        "ValueError: eight",
    )
    assert result.line == 4 and result.steps == 32 + 8 * RANKING_EPISODES


# -------------------------------------------------------------------------------------------------------- steps


@pytest.mark.parametrize(("steps", "lengths"), [(64, (3, 7)), (70, (5,))])
def test_steps_charged_are_steps_taken(
    steps: int, lengths: tuple[int, ...], tmp_path: Path
) -> None:
    task = toy_task(
        "tests.support.toy_envs:Counter", [{"name": "x", "source": "obs[2]"}], {"lengths": lengths}
    )
    begun = Counter.steps_taken
    report, result = trial(tmp_path, task, "def reward(x):\n    return x\n", steps=steps)
    assert result.steps == Counter.steps_taken - begun
    assert report.steps >= steps and result.steps > report.steps


# ----------------------------------------------------------------------------------------------------- learning


def test_a_right_reward_is_learned_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    hyperparameters = {
        "n_steps": 64,
        "batch_size": 64,
        "n_epochs": 8,
        "learning_rate": 0.003,
        "gamma": 0.5,
    }
    task = toy_task(hyperparameters=hyperparameters, n_envs=4)
    _, right = trial(tmp_path / "right", task, MATCH, steps=2048)
    _, wrong = trial(tmp_path / "wrong", task, MATCH.replace("1.0 *", "-1.0 *"), steps=2048)
    assert np.mean(right.fitness) >= 7.5  # of 8; chance is 4
    assert np.mean(wrong.fitness) <= 0.5


# -------------------------------------------------------------------------------------------------------- refusals


def test_an_unknown_hyperparameter(tmp_path: Path) -> None:
    for algorithm in ("PPO", "SAC", "TD3", "DQN", "A2C"):
        task = toy_task(algorithm=algorithm, hyperparameters={"learning_rat": 0.1})
        with pytest.raises(
            UsageError, match=f"{algorithm} has no hyper-parameter 'learning_rat'"
        ) as caught:
            run_preflight(task, tmp_path)
        assert "'learning_rate'" in caught.value.hint
    with pytest.raises(UsageError, match="has no hyper-parameter 'seed'"):
        run_preflight(toy_task(hyperparameters={"seed": 1}), tmp_path)
    with pytest.raises(UsageError, match="unknown activation_fn 'tanhh'") as caught:
        run_preflight(
            toy_task(hyperparameters={"policy_kwargs": {"activation_fn": "tanhh"}}), tmp_path
        )
    assert "'tanh'" in caught.value.hint


@pytest.mark.parametrize(
    "training",
    [
        {"algorithm": "SAC", "hyperparameters": OFF_POLICY},
        {"algorithm": "DQN", "hyperparameters": OFF_POLICY, **CONTINUOUS},
        {"policy": "CnnPolicy"},
        {"policy": "MultiInputPolicy"},
        {
            "env_kwargs": {"dictionary": True},
            "fields": [{"name": "round", "source": 'obs["round"]'}],
        },
    ],
)
def test_a_learner_that_does_not_fit_the_environment(
    training: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        run_preflight(toy_task(**training), tmp_path)


def test_what_preflight_leaves_behind(tmp_path: Path) -> None:
    report = run_preflight(toy_task(), tmp_path)
    assert (tmp_path / "preflight.json").exists() and (tmp_path / "transitions.npz").exists()
    assert report.model_validate_json((tmp_path / "preflight.json").read_text()) == report


def test_the_digest_of_a_job_depends_on_what_can_change_a_result() -> None:
    job = job_for(toy_task())
    changes: list[dict[str, Any]] = [
        {"seed": 1},
        {"steps": 65},
        {"reward": program_terms("x", {"reward": entry_of(MATCH)}, "batched")},
        {"training": job.training.model_copy(update={"trainer": "another"})},
        {"rung": "report"},
    ]
    digests = {job.model_copy(update=change).digest("t") for change in changes}
    assert len(digests | {job.digest("t"), job.digest("u")}) == len(changes) + 2
    assert job.model_copy(update={"task": "elsewhere"}).digest("t") == job.digest("t")
    assert algorithm_class(job.training.algorithm).__name__ == "PPO"
