"""A training that is killed goes on from its last saved state, with the same result where it can."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rewardsmith.run.training_state import STATE
from rewardsmith.run.trials import TRAINED, TrainedReport
from tests.support.interrupted import task_of, train
from tests.support.trials import OFF_POLICY, PPO

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
STEPS = 640
ENDS_AFTER = 400


def toy(env: str, training: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
    return "", {
        "goal": "match",
        "env": {"id": env, **more},
        "fields": [],
        "fitness": {"source": "native_return", "solved": 7},
        "training": {"n_envs": 2, **training},
        "evaluation": {"episodes": 2},
    }


def of(algorithm: str, **more: Any) -> dict[str, Any]:
    return {
        "algorithm": algorithm,
        "hyperparameters": PPO if algorithm == "PPO" else OFF_POLICY,
        **more,
    }


NORMALISED = {"normalise_observations": True, "normalise_reward": True}
MATCH = "tests.support.toy_envs:Match"
BOX = {"kwargs": {"continuous": True}}
EXACT = {
    "PPO, normalised": toy(MATCH, of("PPO", **NORMALISED)),
    "PPO, Box2D": ("lunar-lander", of("PPO", n_envs=2, **NORMALISED)),
    "PPO, vector": ("mountain-car-continuous", of("PPO", n_envs=4, **NORMALISED)),
    "SAC": toy(MATCH, of("SAC", **NORMALISED), **BOX),
    "DQN": toy(MATCH, of("DQN", normalise_observations=True)),
}


def killed(folder: Path, task: tuple[str, dict[str, Any]]) -> None:
    """Train in a process that is killed on the way."""
    child = os.fork()
    if not child:
        try:
            train(folder, task_of(*task), STEPS, ends_after=ENDS_AFTER)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def report_in(folder: Path) -> TrainedReport:
    return TrainedReport.model_validate_json((folder / TRAINED).read_text())


def left_behind(folder: Path) -> dict[str, Any]:
    """All checkpoints, the curve without its times, and the report without what differs."""
    report = report_in(folder)
    found: dict[str, Any] = {}
    for name in report.checkpoints:
        weights = torch.load(folder / "checkpoints" / f"{name}.pt", weights_only=True)
        found |= {f"{name}/{key}": tensor.tolist() for key, tensor in weights.items()}
        with np.load(folder / "checkpoints" / f"{name}.npz") as arrays:
            found |= {f"{name}/{key}": arrays[key].tolist() for key in arrays.files}
    rows = [line.split(",") for line in (folder / "curve.csv").read_text().splitlines()]
    found["curve"] = [row[:1] + row[2:] for row in rows]
    return found | report.model_dump(exclude={"wall_s", "continued"})


@pytest.mark.parametrize("name", EXACT)
def test_the_result_is_that_of_a_training_without_the_kill(tmp_path: Path, name: str) -> None:
    killed(tmp_path / "killed", EXACT[name])
    assert not list(tmp_path.glob(f"killed/*/{TRAINED}"))
    task = task_of(*EXACT[name])
    found = train(tmp_path / "killed", task, STEPS)
    undisturbed = train(tmp_path / "undisturbed", task, STEPS)
    for one, other in zip(found, undisturbed, strict=True):
        assert left_behind(one) == left_behind(other)
        (continued,) = report_in(one).continued
        assert continued.exact and STEPS / 3 < continued.steps < STEPS
        assert report_in(other).continued == []
        assert not (one / STATE).exists()


def test_new_episodes_begin_where_the_old_ones_cannot_be_replayed(tmp_path: Path) -> None:
    """The observation counts the episodes of an environment, which no replay can know."""
    counting = toy("tests.support.toy_envs:Counter", of("PPO"), kwargs={"lengths": [5, 9]})
    killed(tmp_path / "killed", counting)
    task = task_of(*counting)
    found = train(tmp_path / "killed", task, STEPS)
    for folder in found:
        report = report_in(folder)
        (continued,) = report.continued
        assert not continued.exact
        assert str(continued) == f"continued from step {continued.steps:,}, with fresh episodes"
        assert report.steps == STEPS
        rows = [line.split(",") for line in (folder / "curve.csv").read_text().splitlines()[1:]]
        steps = [int(row[0]) for row in rows]
        assert steps == sorted(set(steps)) and steps[-1] == STEPS
        assert len(report.checkpoints) == 5


@pytest.mark.parametrize("damage", ["cut", "another trial"])
def test_a_state_that_cannot_be_used_is_ignored(tmp_path: Path, damage: str) -> None:
    name = "PPO, normalised"
    killed(tmp_path / "killed", EXACT[name])
    task = task_of(*EXACT[name])
    for state in tmp_path.glob(f"killed/*/{STATE}"):
        if damage == "cut":
            state.write_bytes(state.read_bytes()[:-100])
    steps = STEPS if damage == "cut" else STEPS + 64
    found = train(tmp_path / "killed", task, steps)
    undisturbed = train(tmp_path / "undisturbed", task, steps)
    assert list(map(left_behind, found)) == list(map(left_behind, undisturbed))
    assert [report_in(folder).continued for folder in found] == [[], []]
