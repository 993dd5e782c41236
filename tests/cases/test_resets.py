"""Environments whose ``reset`` leaves out ``options``, ``seed``, or both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit

import rewardsmith as rs
from rewardsmith.episodes.random_policy import random_behaviour
from rewardsmith.errors import BoundaryError
from rewardsmith.task.drafting import draft_task, task_from_env
from rewardsmith.task.environment import guarded_reset, make_env
from tests.cases.envs.resets import Tank
from tests.support.exports import imported
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design, recorded
from tests.support.trials import toy_task, trial

HERE = "tests.cases.envs.resets"
LEVEL = "def reward(next_obs):\n    return {'level': -np.abs(next_obs[:, 0] - 0.5)}\n"
ANY = ["Tank", "Bare", "OptionsOnly", "OtherNames", "Anything", "with_lid", "Tank-v0"]


def env_id(name: str) -> str:
    return f"{HERE}:tests/{name}" if name.endswith("-v0") else f"{HERE}:{name}"


@pytest.mark.parametrize("name", ANY)
def test_any_signature_is_drafted_trained_and_evaluated(name: str, tmp_path: Path) -> None:
    assert task_from_env(env_id(name), "Keep the level at 0.5.").env_id == env_id(name)
    report, result = trial(tmp_path, toy_task(env_id(name)), LEVEL)
    assert (report.status, result.status) == ("finished", "finished")


@pytest.mark.parametrize("name", [name for name in ANY if name != "with_lid"])
def test_the_seed_decides_the_first_episode(name: str) -> None:
    env = make_env(toy_task(env_id(name)))
    starts = [guarded_reset(env, seed)[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])


def test_what_only_a_position_can_give_is_refused_with_the_place() -> None:
    with pytest.raises(BoundaryError, match=r"fails on reset: TypeError.*'seed'"):
        task_from_env(f"{HERE}:Positional", "Keep the level at 0.5.")


def test_drafted_task_checks_programs(tmp_path: Path) -> None:
    _, folder, _ = draft_task(env_id("Tank"), "Keep the level at 0.5.", tmp_path / "tank")
    source = f"import numpy as np\n\n\n{LEVEL}"
    assert rs.check(source, str(folder), runs=tmp_path).verdict.accepted


def test_wrappers_of_a_user_and_of_an_export(tmp_path: Path) -> None:
    """Gymnasium's own wrappers pass ``options``, also where they stand above ours."""
    task = toy_task(env_id("Tank"))
    source = f"import numpy as np\n\n\n{LEVEL}"
    ours = rs.RewardWrapper(Tank(), rs.load_program(source, task))
    replies = recorded([{"round": 0, "sample": 0, "text": f"```python\n{source}```"}])
    options = {"rounds": 1, "samples": 1, "seeds": 1}
    run = design(task, tmp_path, replies=replies, options=options)
    file = run.export(tmp_path / "out", executor=FakeExecutor()) / "reward.py"
    exported = imported(file).RewardWrapper(Tank())
    for wrapped in (ours, exported):
        limited = TimeLimit(wrapped, 5)
        limited.reset(seed=0)
        _, reward, *_, info = limited.step(np.zeros(1, np.float32))
        assert reward == pytest.approx(info["native_reward"])


def test_random_episodes_differ_though_each_reset_seeds_the_action_space() -> None:
    played = random_behaviour(toy_task(env_id("Reseeding")), episodes=4).episodes
    assert len({episode.actions.tobytes() for episode in played}) == 4
