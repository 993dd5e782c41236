"""Simulators of which only one can be open at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rewardsmith as rs
from rewardsmith.engine.workers.executor import Execution
from rewardsmith.engine.workers.opening import running_functions
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.trials import FILM, POLICY
from rewardsmith.task.drafting import draft_task, task_from_env
from rewardsmith.task.parsing import parse_spec
from rewardsmith.train.film import film_trial
from rewardsmith.train.policy import export_zip
from rewardsmith.train.preflight import run_preflight
from tests.cases.envs import simulator
from tests.support.places import ROOT
from tests.support.trials import PPO, job_for, toy_task, trial

SIMULATOR = "tests.cases.envs.simulator:Simulator"
CLOSER = "def reward(next_obs):\n    return {'near': -np.abs(next_obs[:, 0])}\n"
SOURCE = f"import numpy as np\n\n\n{CLOSER}"


@pytest.fixture(autouse=True)
def left_closed() -> Iterator[None]:
    simulator.Simulator.busy = False
    yield
    assert not simulator.Simulator.busy, "an environment was left open"


def test_one_environment_at_a_time_from_the_look_to_the_film(tmp_path: Path) -> None:
    task = toy_task(SIMULATOR, n_envs=1, hyperparameters={**PPO, "n_steps": 32})
    assert task_from_env(SIMULATOR, "Go to 0.").env_id == SIMULATOR
    assert rs.check(SOURCE, task, runs=tmp_path).verdict.accepted
    run_preflight(task, tmp_path / "preflight")
    _, result = trial(tmp_path / "trial", task, CLOSER)
    assert result.status == "finished" and len(result.fitness) == 3
    assert len(set(result.fitness)) == 3, "every episode has a seed of its own"
    job = job_for(task, CLOSER)
    with running_functions(task, job) as open_functions:
        export_zip(task, job, tmp_path / "trial", open_functions)
        film_trial(task, job, tmp_path / "trial", open_functions)
    assert (tmp_path / "trial" / POLICY).is_file() and (tmp_path / "trial" / FILM).is_file()


def test_several_environments_are_refused_before_anything_is_spent(tmp_path: Path) -> None:
    with pytest.raises(BoundaryError, match=r"1 of 2 environments.*Address already") as caught:
        run_preflight(toy_task(SIMULATOR, n_envs=4), tmp_path)
    assert "exclusive = true" in caught.value.hint


def test_a_failure_leaves_nothing_open() -> None:
    with pytest.raises(BoundaryError, match="the motor does not answer"):
        task_from_env(SIMULATOR.replace(":Simulator", ":Refusing"), "Go to 0.")


def test_an_exclusive_task_has_one_environment_and_one_training_at_a_time() -> None:
    def spec(n_envs: int) -> dict[str, Any]:
        return {
            "goal": "Go to 0.",
            "env": {"id": SIMULATOR, "exclusive": True},
            "fitness": {"source": "native_return"},
            "training": {"n_envs": n_envs},
        }

    assert parse_spec(spec(1), "here").env.exclusive
    with pytest.raises(UsageError, match=r"open only once: set .*n_envs = 1, found 16"):
        parse_spec(spec(16), "here")
    opened: list[int | None] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rewardsmith.engine.workers.executor.EXECUTORS.get", lambda _: opened.append)
        for exclusive in (True, False):
            with pytest.raises(AttributeError), Execution(workers=4).opened(exclusive):
                pass
    assert opened == [1, 4]


@pytest.mark.slow
def test_it_trains_in_worker_processes(tmp_path: Path) -> None:
    """The simulator is one of this machine: a lock file stands for its port."""
    text = (ROOT / "tests/cases/envs/simulator.py").read_text()
    (tmp_path / "env.py").write_text(
        text.replace("if Simulator.busy:", "if LOCK.exists():")
        .replace("Simulator.busy = True", "LOCK.touch()")
        .replace("Simulator.busy = False", "LOCK.unlink(missing_ok=True)")
        .replace("import gymnasium as gym", "from pathlib import Path\n\nimport gymnasium as gym")
        .replace("\n\nclass Sim", f"\nLOCK = Path({str(tmp_path / 'lock')!r})\n\n\nclass Sim")
    )
    _, folder, _ = draft_task(f"{tmp_path / 'env.py'}:Simulator", "Go to 0.", tmp_path / "task")
    file = folder / "task.toml"
    text = file.read_text().replace("n_envs = 16", "n_envs = 1").replace("= 20", "= 2")
    settings = f"[env]\nexclusive = true\nwrites = [{str(tmp_path)!r}]\n"
    file.write_text(text.replace("[env]\n", settings, 1))
    result = rs.train_program(SOURCE, str(folder), seeds=2, steps=64, workers=2, runs=tmp_path)
    assert not result.failures and len(result.fitness) == 2
