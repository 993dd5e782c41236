"""Agents that are trained together do not change each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from rewardsmith.errors import BoundaryError, ProgramError, UsageError
from rewardsmith.run.trials import TRAINED, TrainedReport, TrialJob, read_progress
from rewardsmith.task.loading import Task
from rewardsmith.terms.reward import Reward
from rewardsmith.testing.toy import toy_task
from rewardsmith.train.group import train_group
from rewardsmith.train.members.learner import PpoMembers
from rewardsmith.train.preflight import run_preflight
from rewardsmith.train.trainers import Member, RunningFunctions
from rewardsmith.types import Array, Columns, FloatArray, Output

TRAINING = {"n_envs": 4, "normalise_observations": True}
STEPS = 200


class Term:
    """A reward of the position after the step."""

    name, arguments, ranks = "own", ("next_position",), True

    def __init__(self, value: Callable[[Array], FloatArray]) -> None:
        self._value = value

    def opened(self, venv: Any) -> RunningFunctions:
        return RunningFunctions(Reward([self]))

    def __call__(self, columns: Columns) -> Output:
        return Output(np.asarray(self._value(columns["next_position"]), np.float64))


def broken(position: Array) -> FloatArray:
    raise ProgramError("broken on purpose", line=7)


REWARDS: list[Callable[[Array], FloatArray]] = [
    lambda position: position,
    lambda position: -position,
    lambda position: position**2,
    np.abs,
]


def trained(
    folder: Path,
    rewards: Sequence[Callable[[Array], FloatArray]],
    seeds: Sequence[int],
    **training: Any,
) -> list[Path]:
    """The folders of trials that are trained together."""
    torch.set_num_threads(1)
    task: Task = toy_task({**TRAINING, **training})
    members = []
    for seed in seeds:
        job = TrialJob(
            program="toy", seed=seed, steps=STEPS, training=task.spec.training,
            evaluation=task.spec.evaluation, device="cpu",
        )  # fmt: skip
        (folder / str(seed)).mkdir(parents=True)
        members.append(Member(job, folder / str(seed), Term(rewards[seed]).opened))
    train_group(task, members)
    return [member.folder for member in members]


def report_in(folder: Path) -> TrainedReport:
    return TrainedReport.model_validate_json((folder / TRAINED).read_text())


def left_behind(folder: Path) -> dict[str, Any]:
    """All checkpoints and the curve without its times, exactly."""
    found: dict[str, Any] = {}
    for name in report_in(folder).checkpoints:
        weights = torch.load(folder / "checkpoints" / f"{name}.pt", weights_only=True)
        found |= {f"{name}/{key}": tensor.tolist() for key, tensor in weights.items()}
        with np.load(folder / "checkpoints" / f"{name}.npz") as arrays:
            found |= {f"{name}/{key}": arrays[key].tolist() for key in arrays.files}
    rows = [line.split(",") for line in (folder / "curve.csv").read_text().splitlines()]
    return found | {"curve": [row[:1] + row[2:] for row in rows]}


@pytest.mark.parametrize(
    "more",
    [{}, {"hyperparameters": {"n_steps": 16, "batch_size": 20, "target_kl": 1e-4}}],
    ids=["plain", "stops early"],
)
@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_results_do_not_depend_on_the_group(tmp_path: Path, more: dict[str, Any]) -> None:
    groups = {"all": [[0, 1, 2, 3]], "pairs": [[2, 3], [0, 1]], "some": [[3], [1, 0, 2]]}
    found: dict[str, dict[str, Any]] = {}
    for name, parts in groups.items():
        folders = [
            folder for part in parts for folder in trained(tmp_path / name, REWARDS, part, **more)
        ]
        found[name] = {folder.name: left_behind(folder) for folder in folders}
    assert found["all"] == found["pairs"] == found["some"]
    assert found["all"]["0"] != found["all"]["1"]


def test_a_program_that_breaks_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    undisturbed = trained(tmp_path / "undisturbed", REWARDS, [0, 2])
    rewards = [REWARDS[0], broken, REWARDS[2]]
    first, failed, last = trained(tmp_path / "together", rewards, [0, 1, 2])
    assert (report_in(failed).status, report_in(failed).line) == ("program_failed", 7)
    assert [left_behind(first), left_behind(last)] == list(map(left_behind, undisturbed))


def test_weights_that_are_not_finite_are_not_the_fault_of_a_program(tmp_path: Path) -> None:
    steps_of_any_size = {"n_steps": 16, "batch_size": 32, "learning_rate": 1e37}
    with pytest.raises(BoundaryError, match=r"toy with seed 1, .*the weights are no longer finite"):
        trained(tmp_path, REWARDS, [1, 2], hyperparameters=steps_of_any_size)
    assert not list(tmp_path.rglob(TRAINED))


def test_nan_in_the_rewards_of_a_member_changes_no_other() -> None:
    def members_after(update: Callable[[PpoMembers], None]) -> list[dict[str, Any]]:
        models = []
        for seed in range(3):
            envs = DummyVecEnv([lambda: gym.make("CartPole-v1")] * 2)
            models.append(PPO("MlpPolicy", envs, seed=seed, device="cpu", n_steps=16, batch_size=8))
        members = PpoMembers(models, range(3))
        members.begin()
        members.collect()
        update(members)
        members.update(remaining=0.5)
        poisoned = np.isnan(members.rollouts.rewards[1]).any()
        assert members.finite.tolist() == [True, not poisoned, True]
        for place in range(3):
            members.write(place)
        return [model.policy.state_dict() for model in models]

    def poison(members: PpoMembers) -> None:
        members.rollouts.rewards[1, 3] = np.nan

    good, bad = members_after(lambda members: None), members_after(poison)
    same = [
        all(torch.equal(one[key], other[key]) for key in one)
        for one, other in zip(good, bad, strict=True)
    ]
    assert same == [True, False, True]


def test_the_first_folder_says_how_far_all_are(tmp_path: Path) -> None:
    first, _, _ = trained(tmp_path, REWARDS, [2, 0, 1])
    rows = read_progress(first) or []
    assert [row.seed for row in rows] == [2, 0, 1]
    assert all(row.steps >= STEPS / 2 for row in rows)


def test_the_preflight_says_who_trains(tmp_path: Path) -> None:
    def warnings_of(**training: Any) -> list[str]:
        found = run_preflight(toy_task({**TRAINING, **training}), tmp_path).warnings
        return [text for text in found if "trains the agents" in text]

    other = {"algorithm": "A2C", "hyperparameters": {"n_steps": 16}}
    explores = {"hyperparameters": {"n_steps": 16, "batch_size": 32, "use_sde": True}}
    assert warnings_of() == warnings_of(trainer="fast") == warnings_of(trainer="sb3", **other) == []
    assert "its algorithm is A2C" in warnings_of(**other)[0]
    with pytest.raises(UsageError, match=r"the fast trainer cannot train this: .*use_sde"):
        run_preflight(
            toy_task({**TRAINING, **explores, "trainer": "fast"}, continuous=True), tmp_path
        )
