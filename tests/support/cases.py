"""The way of a user with an environment of ``tests/cases/envs``: drafted, checked, exported."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym

import rewardsmith as rs
from rewardsmith.api.export.module import reward_module
from rewardsmith.program import CheckedProgram
from rewardsmith.task.drafting import draft_task
from rewardsmith.task.loading import Task, load_task
from rewardsmith.train.vectors import make_vec_env
from tests.support.places import ROOT

ENVS = ROOT / "tests" / "cases" / "envs"
FACTS: dict[str, Any] = {
    "task": "t", "environment": "e", "goal": "go", "native_fitness": None, "written_by": "me",
    "fitness": {"report": None, "selection": {"mean": 1.0}}, "program": "p", "run": "r",
    "gamma": 0.99, "training": {"algorithm": "PPO", "steps": 10},
}  # fmt: skip


def new_task(
    place: str, tmp_path: Path, edit: Callable[[str], str] = lambda text: text
) -> tuple[Task, str]:
    """``tasks new`` for ``file.py:Class`` of the environments, and its notes; edited and loaded."""
    name, _, cls = place.partition(":")
    own = tmp_path / "own"
    own.mkdir(parents=True)
    shutil.copy(ENVS / name, own)
    _, folder, notes = draft_task(f"{own / name}:{cls}", "Go to the goal.", tmp_path / "task")
    file = folder / "task.toml"
    file.write_text(edit(file.read_text(encoding="utf-8")), encoding="utf-8")
    return load_task(folder), "\n".join(notes)


def checked(source: str, task: Task) -> CheckedProgram:
    """An accepted program."""
    found = rs.check(source, task)
    assert found.verdict.accepted, found.verdict.findings
    return CheckedProgram.of(source, found.verdict)


def same_in_the_export(
    program: CheckedProgram, task: Task, bare: gym.Env[Any, Any], path: Path, actions: Sequence[Any]
) -> list[float]:
    """The rewards in a training, after it was seen that the exported file gives the same.

    Args:
        bare: the environment that the export wraps.
    """
    loaded = rs.load_program(program.source, task)
    venv = rs.VecReward(make_vec_env(task, 1, seed=3), loaded, gamma=task.spec.training.gamma)
    venv.reset()
    alone = _module(path, reward_module(task, program, FACTS)).RewardWrapper(bare)
    alone.reset(seed=3)
    rewards = []
    for action in actions:
        _, trained, dones, _ = venv.step([action])
        _, exported, terminated, truncated, _ = alone.step(action)
        assert abs(exported - float(trained[0])) < 1e-5 and dones[0] == (terminated or truncated)
        rewards.append(exported)
        if dones[0]:
            break
    loaded.close()
    return rewards


def _module(path: Path, text: str) -> Any:
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
