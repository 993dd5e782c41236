"""A prior below the wrappers of a task: it reads recorded fields and actions of the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.training import PriorSpec, ShapingSpec, TrainingSpec
from rewardsmith.train.prior.fields import PriorOfFields
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import RecordedVecEnv, make_vec_env
from rewardsmith.types import Columns, Output
from tests.support.lineworld import write_task

FIELDS = """
[[fields]]
name = "left"
source = "fields.py:left"
unit = "m"
range = [0.0, 2.0]
doc = "how far it is to the end"
"""
WRAPPERS = """
import gymnasium as gym
import numpy as np


class Tenfold(gym.ObservationWrapper):
    def observation(self, observation):
        return 10 * observation


class Backwards(gym.ActionWrapper):
    def action(self, action):
        return -action


class OnlyEnds(gym.ActionWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.action_space = gym.spaces.Discrete(2)

    def action(self, action):
        return (2, 0)[int(action)]


class Steps(OnlyEnds):
    def action(self, action):
        return np.array([(0.5, -1.0)[int(action)]], np.float32)


class Smooth(gym.ActionWrapper):
    last = 0.0

    def action(self, action):
        self.last = 0.5 * self.last + 0.5 * action + 0.0 * self.np_random.normal()
        return self.last
"""


def wrapped_task(folder: Path, *wrappers: str, discrete: bool = False) -> Task:
    """The line, with a field that no observation holds, seen and moved through wrappers."""
    write_task(folder, discrete=discrete)
    text = (folder / "task.toml").read_text(encoding="utf-8")
    named = ", ".join(f'"wrappers.py:{name}"' for name in wrappers)
    text = text.replace(
        "max_episode_steps = 10\n", f"max_episode_steps = 10\nwrappers = [{named}]\n"
    )
    (folder / "task.toml").write_text(
        text.replace("[action]", FIELDS + "\n[action]"), encoding="utf-8"
    )
    (folder / "wrappers.py").write_text(WRAPPERS, encoding="utf-8")
    (folder / "fields.py").write_text(
        "def left(env, obs, info):\n    return 1.0 - obs[0]\n", encoding="utf-8"
    )
    return load_task(folder)


class Prior:
    """A function in place of a host: of the distance that is left, and of the action or of three choices."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments

    def __call__(self, columns: Columns) -> Output:
        if "action" in columns:
            return Output(10 * columns["left"] + columns["action"][:, 0])
        return Output(columns["left"][:, None] + np.array([0.0, 1.0, 2.0]))


def moved(task: Task, action: Any) -> RecordedVecEnv:
    venv = make_vec_env(task, 2, 0)
    rewarded = VecReward(venv, None, 0.95)
    rewarded.reset()
    rewarded.step(np.array([action] * 2))
    return venv


def test_it_reads_what_was_recorded_and_acts_as_the_environment_does(tmp_path: Path) -> None:
    venv = moved(wrapped_task(tmp_path / "line", "Tenfold", "Backwards"), [-0.8])
    prior = PriorOfFields(Prior("left", "action"), venv)
    places = np.array([env.unwrapped.position for env in venv.envs])
    seen = prior.columns()
    assert np.allclose(seen["left"], 1 - places) and (np.abs(places) < 0.5).all(), "not tenfold"
    assert np.allclose(prior(seen, np.array([[0.25], [-0.5]])), 10 * (1 - places) + [-0.25, 0.5])


def test_choices_are_those_of_the_policy(tmp_path: Path) -> None:
    venv = moved(wrapped_task(tmp_path / "line", "OnlyEnds", discrete=True), 0)
    prior = PriorOfFields(Prior("left"), venv)
    seen = prior.columns()
    assert np.allclose(prior(seen), seen["left"][:, None] + [2.0, 0.0]), (
        "its 0 is the environment's 2"
    )


def test_what_it_saw_stays(tmp_path: Path) -> None:
    venv = moved(wrapped_task(tmp_path / "line", "Tenfold"), [0.5])
    seen = PriorOfFields(Prior("left", "action"), venv).columns()
    before = seen["left"].copy()
    venv.buffers.before[0][...] = 9.0
    assert np.array_equal(seen["left"], before)


def test_wrappers_of_chance_are_not_asked(tmp_path: Path) -> None:
    """One that repeats the last action, whatever is asked for, says nothing of what is asked about."""
    task = wrapped_task(tmp_path / "line", discrete=True)
    venv = make_vec_env(task, 1, 0)
    venv.envs[0] = gym.wrappers.StickyAction(venv.envs[0], 0.9)
    VecReward(venv, None, 0.95).reset()
    venv.step(np.array([0]))
    prior = PriorOfFields(Prior("left"), venv)
    seen = prior.columns()
    assert np.array_equal(prior(seen), seen["left"][:, None] + [[0.0, 1.0, 2.0]])


def test_asking_changes_no_wrapper(tmp_path: Path) -> None:
    task = wrapped_task(tmp_path / "line", "Smooth")
    ends = []
    for asked in (0, 5):
        venv = make_vec_env(task, 1, 0)
        rewarded = VecReward(venv, None, 0.95)
        rewarded.reset()
        prior = PriorOfFields(Prior("left", "action"), venv)
        for _ in range(3):
            for _ in range(asked):
                prior(prior.columns(), np.array([[0.9]]))
            rewarded.step(np.array([[0.2]], np.float32))
        ends.append((venv.envs[0].last, venv.envs[0].np_random.normal()))
    assert ends[0] == ends[1]


def test_choices_may_stand_for_actions_of_a_box(tmp_path: Path) -> None:
    venv = moved(wrapped_task(tmp_path / "line", "Steps"), 0)
    prior = PriorOfFields(Prior("left", "action"), venv)
    seen = prior.columns()
    assert np.allclose(prior(seen), 10 * seen["left"][:, None] + [[0.5, -1.0]])


@pytest.mark.parametrize("wrappers", [(), ("OnlyEnds",)])
def test_a_prior_of_a_function_of_the_task_is_trained_with(
    tmp_path: Path, wrappers: tuple[str, ...]
) -> None:
    """The prior knows the direction of the end, and the agent goes there within 500 steps."""
    task = wrapped_task(tmp_path / "line", *wrappers, discrete=True)
    learner = {
        "learning_starts": 50,
        "gamma": 0.95,
        "batch_size": 32,
        "buffer_size": 2000,
        "learning_rate": 3e-3,
    }
    learner |= {"train_freq": 1, "policy_kwargs": {"net_arch": [32]}}
    shaping = ShapingSpec(prior=PriorSpec(until=1.0, weight=3.0, prove=0.0))
    training = TrainingSpec(
        algorithm="DQN", n_envs=1, normalise_reward=False, shaping=shaping, hyperparameters=learner
    )
    told = Task(task.name, task.spec.model_copy(update={"training": training}), task.folder)
    source = "import numpy as np\n\n\ndef q_prior(left):\n    near = 1.0 - 0.5 * left\n"
    source += "    return np.stack([near - 0.3, near, near + 0.3], axis=1)\n"
    (tmp_path / "program.py").write_text(source)
    result = rs.train_program(
        tmp_path / "program.py", told, seeds=1, steps=500, runs=tmp_path / "runs"
    )
    assert result.score is not None and result.score.mean > 0.5


def test_a_prior_is_judged_without_the_change_of_a_potential(tmp_path: Path) -> None:
    """Nor are subgoals: a potential would weigh how long episodes are."""
    task = wrapped_task(tmp_path / "line")
    source = "def reward(next_position):\n    return {'place': next_position}\n\n\n"
    source += "def potential(position):\n    return 50.0 + position\n"
    (tmp_path / "program.py").write_text(source)
    program = rs.load_program(tmp_path / "program.py", task)
    rewarded = VecReward(make_vec_env(task, 2, 0), program, 0.95)
    rewarded.reset()
    for _ in range(4):
        _, rewards, _, _ = rewarded.step(np.full((2, 1), 0.1, np.float32))
        assert (
            np.allclose(rewarded.own_rewards, rewarded.buffers.before[0][:, 0])
            and (rewards < -2).all()
        )
    program.close()
