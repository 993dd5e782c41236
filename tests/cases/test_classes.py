"""Environments given as classes and functions, and the arguments that they are made with."""

from __future__ import annotations

import functools
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from typer.testing import CliRunner

import rewardsmith as rs
from rewardsmith.cli.app import app
from rewardsmith.errors import UsageError
from rewardsmith.task.drafting import draft_task, task_from_env
from rewardsmith.task.environment import guarded_reset, make_env
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.modules import import_file
from tests.support.command_line import environment
from tests.support.line_runs import design, recorded

MARKET = '''\
import gymnasium as gym
import numpy as np


class Market(gym.Env):
    """A market that is replayed from prices."""

    def __init__(self, prices, cost=0.001):
        self.prices, self.cost = np.asarray(prices, float), cost
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
        self.action_space = gym.spaces.Discrete(2)

    def _obs(self):
        return np.array([self.prices[self.t] / self.prices[self.t - 1] - 1, float(self.held)])

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.held = 1, 0
        return self._obs(), {}

    def step(self, action):
        gain = self.held * (self.prices[self.t + 1] / self.prices[self.t] - 1)
        self.held, self.t = int(action), self.t + 1
        return self._obs(), float(gain), False, self.t >= len(self.prices) - 1, {}


def make_market():
    return Market(np.linspace(1.0, 2.0, 12))
'''
CROWD = '''

class Crowd(Market):
    """One robot that learns, among pedestrians that it keeps in ``agents``."""

    def __init__(self):
        super().__init__(np.linspace(1.0, 2.0, 12))
        self.agents = [np.zeros(2)] * 3
        self.possible_agents = ["pedestrian"]
'''
HELD = "def reward(action):\n    return {'held': 1.0 * (action == 1)}\n"
PRICES = [1.0, 1.5, 1.2, 1.8, 1.6, 2.0]


@pytest.fixture
def market(tmp_path: Path) -> Path:
    file = tmp_path / "env.py"
    file.write_text(MARKET + CROWD)
    return file


def length(task: Task) -> int:
    """Steps of an episode."""
    env = make_env(task)
    guarded_reset(env, 0)
    for step in range(1, 100):
        if env.step(0)[3]:
            return step
    raise AssertionError("it never ends")


def test_missing_arguments_are_named_with_what_to_do(market: Path) -> None:
    with pytest.raises(UsageError, match=r"missing a required argument: 'prices'") as caught:
        draft_task(f"{market}:Market", "Earn.", market.parent / "task")
    assert "(prices, cost=0.001)" in caught.value.message
    assert "--kwargs NAME=VALUE" in caught.value.hint and "a function" in caught.value.hint
    with pytest.raises(UsageError, match="unexpected keyword argument 'price'"):
        task_from_env(f"{market}:Market", "Earn.", prices=PRICES, price=2)
    with pytest.raises(UsageError, match="unexpected keyword argument 'gravty'"):
        task_from_env("CartPole-v1", "Stand.", gravty=9.8)


def test_arguments_on_the_command_line(market: Path, tmp_path: Path) -> None:
    folder = tmp_path / "task"
    arguments = ["tasks", "new", f"{market}:Market", "--goal", "Earn.", "-o", str(folder)]
    given = ["--kwargs", f"prices={PRICES}", "--kwargs", "cost=0"]
    done = CliRunner().invoke(app, [*arguments, *given])
    assert done.exit_code == 0, done.output
    task = load_task(folder)
    assert task.spec.env.kwargs == {"prices": PRICES, "cost": 0} and length(task) == 4
    assert rs.check(HELD, task, runs=tmp_path).verdict.accepted


def test_a_function_makes_it(market: Path, tmp_path: Path) -> None:
    _, folder, _ = draft_task(f"{market}:make_market", "Earn.", tmp_path / "task")
    assert length(load_task(folder)) == 10


def test_arguments_that_a_task_file_can_hold(market: Path) -> None:
    """Arrays and tuples become lists, at once and not only in the copy of a run."""
    task = task_from_env(f"{market}:Market", "Earn.", prices=np.array(PRICES), cost=np.float32(0))
    assert task.spec.env.kwargs == {"prices": PRICES, "cost": 0.0}
    with pytest.raises(UsageError, match=r"found a Generator.*\n?.*a function"):
        task_from_env(f"{market}:Market", "Earn.", prices=np.random.default_rng(0))


def test_agents_of_a_single_agent_environment(market: Path, tmp_path: Path) -> None:
    _, folder, _ = draft_task(f"{market}:Crowd", "Get through.", tmp_path / "task")
    assert length(load_task(folder)) == 10


def test_a_class_and_what_else_makes_an_environment(market: Path, tmp_path: Path) -> None:
    module = import_file(market)
    for given in (
        functools.partial(module.Market, prices=PRICES),
        module.make_market,
        module.Crowd,
    ):
        task = task_from_env(given, "Earn.")
        task.freeze(tmp_path / str(len(list(tmp_path.iterdir()))))
        assert task.env_id.startswith("env.py:") and length(task) in (4, 10)
    assert rs.check(HELD, module.Crowd, runs=tmp_path).verdict.accepted
    assert task_from_env(gym.spec("CartPole-v1"), "Stand.").env_id == "CartPole-v1"
    replies = recorded([{"round": 0, "sample": 0, "text": f"```python\n{HELD}```"}])
    options = {"rounds": 1, "samples": 1, "seeds": 1}
    run = design(module.Crowd, tmp_path, goal="Earn.", replies=replies, options=options)
    assert run.best is not None


def test_what_other_processes_cannot_make_is_refused(market: Path) -> None:
    module = import_file(market)

    class Local(gym.Env[Any, Any]):
        pass

    cases: list[tuple[Any, str, str]] = [
        (module.make_market(), "found a Market", "give the class"),
        (Local, "not at the top of a file", "env.py"),
        (lambda: module.make_market(), "not at the top of a file", "env.py:make_env"),
        (3, "found a int", "the class"),
    ]
    for given, says, hints in cases:
        with pytest.raises(UsageError, match=says) as caught:
            task_from_env(given, "Earn.")
        assert hints in caught.value.hint


def test_classes_of_a_notebook_and_of_a_script(
    market: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_file(market)
    monkeypatch.setattr(module.Crowd, "__module__", "__main__")
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    with pytest.raises(UsageError, match="interactive session") as caught:
        task_from_env(module.Crowd, "Earn.")
    assert "env.py:Crowd" in caught.value.hint
    sys.modules["__main__"].__file__ = str(market)
    with pytest.raises(UsageError, match=r"script env\.py") as caught:
        task_from_env(module.Crowd, "Earn.")
    assert "__name__" in caught.value.hint
    market.write_text(market.read_text() + "\n\nif __name__ == '__main__':\n    pass\n")
    assert task_from_env(module.Crowd, "Earn.").env_id == "env.py:Crowd"


def test_a_loaded_program_goes_to_other_processes(market: Path, tmp_path: Path) -> None:
    """As Stable-Baselines3 sends environments to the processes of a SubprocVecEnv."""
    (tmp_path / "reward.py").write_text(HELD)
    (tmp_path / "script.py").write_text(f"""\
import rewardsmith as rs
from env import make_market
from stable_baselines3.common.vec_env import SubprocVecEnv

if __name__ == "__main__":
    task = rs.task_from_env({str(market)!r} + ":make_market", "Earn.")
    program = rs.load_program("reward.py", task)
    venv = SubprocVecEnv([lambda: rs.RewardWrapper(make_market(), program)] * 2)
    venv.reset()
    _, rewards, _, infos = venv.step([0, 1])
    print(rewards.tolist(), infos[1]["reward_terms"])
    venv.close()
""")
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout.strip() == "[0.0, 1.0] {'held': 1.0}", done.stderr
