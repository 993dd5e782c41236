"""Audits of a native reward: what pays for staying is found, what pays for arriving is not blamed."""

from __future__ import annotations

from pathlib import Path

import pytest

import rewardsmith as rs
from rewardsmith.run.trials import TrialJob
from tests.support.fake_executor import FakeExecutor
from tests.support.lineworld import write_task


def fitness(job: TrialJob) -> float:
    return 0.5


def staying(folder: Path) -> Path:
    """The line world with a native reward for every step, arrived or not."""
    task = write_task(folder)
    env = (task / "env.py").read_text()
    assert "float(arrived), arrived" in env
    (task / "env.py").write_text(env.replace("float(arrived), arrived", "1.0, arrived"))
    return task


def test_a_reward_for_arriving_has_no_exploit(tmp_path: Path) -> None:
    task = write_task(tmp_path / "line")
    found = rs.audit_native(
        str(task), seeds=2, runs=tmp_path / "runs", executor=FakeExecutor(fitness=fitness)
    )
    assert found.exploits.verdict == "none" and found.exploits.trained
    assert found.in_order is not None and found.in_order > 0.6
    assert found.agreement is not None and found.agreement > 0
    assert found.fitness is not None and found.fitness.n == 2 and found.farmed == ""


def test_a_reward_for_staying_is_an_exploit(tmp_path: Path) -> None:
    task = staying(tmp_path / "line")
    found = rs.audit_native(
        str(task), seeds=2, runs=tmp_path / "runs", executor=FakeExecutor(fitness=fitness)
    )
    assert found.exploits.verdict == "exploited" and "RS516 error" in found.exploits.finding
    assert found.in_order is not None and found.in_order < 0.5
    assert (found.folder / "programs" / "native" / "exploit.npz").exists()


def test_a_fitness_that_is_the_native_return_cannot_be_audited(tmp_path: Path) -> None:
    with pytest.raises(rs.UsageError, match="its native return"):
        rs.audit_native(rs.task_from_env("CartPole-v1", goal="Stay up."), runs=tmp_path)
