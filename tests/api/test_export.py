"""Exports work without rewardsmith, and give the same rewards as the program host."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import rewardsmith as rs
from rewardsmith.api.export.module import reward_module
from rewardsmith.engine.workers.opening import open_host
from rewardsmith.episodes.recorder import recorded_env
from rewardsmith.program import CheckedProgram, Verdict
from rewardsmith.run.trials import TrialJob, TrialResult
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.loading import Task, load_task
from rewardsmith.train.learner import chosen_actions
from rewardsmith.train.playing import play_episodes
from rewardsmith.train.vectors import derived_seed, make_vec_env
from tests.support import toy_envs
from tests.support.lineworld import write_task
from tests.support.places import ROOT
from tests.support.trials import entry_of

LINE = """\
import numpy as np
TENTH = 0.1

def reward(position, next_position, action, prev_action, terminated):
    jerk = np.abs(action[:, 0] - prev_action[:, 0])
    return {'gain': next_position - position, 'calm': -TENTH * jerk, 'end': 5.0 * terminated}
"""

# Runs where neither rewardsmith nor what it trains with can be imported.
ALONE = """
import importlib.util, json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("rewardsmith", "torch", "stable_baselines3", "pydantic"):
            raise ImportError("not here: " + name)
sys.meta_path.insert(0, Refuse())
def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
import numpy as np
told = json.load(sys.stdin)
env = getattr(load("env", told["env"]), told["class"])(**told["kwargs"])
env = load("reward", told["reward"]).RewardWrapper(env)
env.reset(seed=told["seed"])
said = []
for action in told["actions"]:
    action = np.array(action, np.float32) if isinstance(action, list) else action
    obs, reward, terminated, truncated, info = env.step(action)
    said.append([reward, info["reward_terms"], info["native_reward"]])
    if terminated or truncated:
        env.reset()
print(json.dumps(said))
"""
FACTS: dict[str, Any] = {
    "task": 'toy "quoted" \\ task', "environment": "env.py:Counter", "goal": 'count """up"""', "written_by": "a hand",
    "program": "0", "run": "r", "gamma": 0.9, "native_fitness": None,
    "training": {"algorithm": "PPO", "steps": 10},
    "fitness": {"report": None, "selection": {"mean": 1.0, "by_seed": {"0": 1.0}}},
}  # fmt: skip


def said_alone(reward: Path, task: Task, actions: list[Any], cls: str, seed: int = 3) -> list[Any]:
    told = {
        "reward": str(reward), "env": str(task.folder / "env.py"), "class": cls, "kwargs": task.spec.env.kwargs,  # type: ignore[operator]
        "seed": seed, "actions": [action.tolist() if isinstance(action, np.ndarray) else action for action in actions],
    }  # fmt: skip
    found = subprocess.run(
        [sys.executable, "-I", "-c", ALONE], input=json.dumps(told), capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    said: list[Any] = json.loads(found.stdout)
    return said


def said_by_host(
    source: str, task: Task, actions: list[Any], style: Any = "batched", seed: int = 3
) -> list[Any]:
    """The same transitions through recorder and program host."""
    env, buffers = recorded_env(task)
    env.reset(seed=seed)
    buffers.begin()
    said = []
    with open_host(source, entry_of(source), buffers.layout, 64, style=style) as host:
        for action in actions:
            _, native, terminated, truncated, _ = env.step(
                action.copy() if isinstance(action, np.ndarray) else action
            )
            if terminated or truncated:
                env.reset()
            output = host(buffers.columns(host.arguments))
            terms = {
                name: float(values[0]) for name, values in output.terms.items() if name != "_rest"
            }
            said.append([float(output.total[0]), terms, native])
            buffers.advance()
    return said


def same(one: list[Any], other: list[Any]) -> None:
    assert len(one) == len(other)
    for (reward, terms, native), (reward2, terms2, native2) in zip(one, other, strict=True):
        assert reward == pytest.approx(reward2, abs=1e-12, rel=1e-12) and native == native2
        assert terms == pytest.approx(terms2, abs=1e-12, rel=1e-12)


# ---------------------------------------------------------------------------------------- forms of
# tasks and programs

FIELDS_PY = '''
"""Names that a program could use as well."""
from __future__ import annotations
from math import sqrt as helper, hypot
import numpy as np
SCALE: float = 2.0
LOW, HIGH = -1.0, 1.0

class Plain:
    factor = 3.0

def clip(x, SCALE=SCALE):
    return np.clip(x, LOW, HIGH) * SCALE

def tip(env, obs, info):
    """Of the episode's number and step."""
    number = obs["place"][0] if isinstance(obs, dict) else obs[1]
    return np.array([hypot(number, env._step), helper(4.0) * clip(0.5) * Plain.factor])
'''

FORMS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str, str]] = {
    "slices": (
        {"lengths": [3, 5]},
        [{"name": "place", "source": "obs[1:3]"}],
        "def reward(obs, next_obs, first_place, place, next_place, action, terminated):\n"
        "    return {'a': next_place[:, 1] * 0.1 + first_place[:, 0], 'b': np.linalg.norm(action, axis=-1),"
        " 'c': terminated, 'd': (next_obs - obs)[:, 2]}\n",
        "batched",
    ),
    "dict": (
        {"form": "dict", "lengths": [2, 4]},
        [{"name": "who", "source": 'obs["who"]'}, {"name": "tip", "source": "fields.py:tip"}],
        "LOW = 0.25\nSCALE = 10\nFIELDS = ARGUMENTS = 7\n\ndef helper(x):\n    return x + LOW\n\n"
        "def hypot(x):\n    return FIELDS * x\n\ndef clip(x):\n    return SCALE * x\n\n"
        "def _plain(x):\n    return x - 1\n\ndef _number(x):\n    return 2 * x\n\n"
        "def reward(who, tip, next_tip):\n"
        "    return helper(who) + hypot(tip[:, 0]), {'x': clip(next_tip[:, 0]), 'y': _plain(_number(tip[:, 1]))}\n",
        "batched",
    ),
    "info": (
        {"lengths": [4], "discrete": True},
        [
            {"name": "number", "source": 'info["episode_number"]', "at_reset": True},
            {"name": "twice", "source": 'info["doubled"][0]'},
            {"name": "both", "source": 'info["doubled"]'},
        ],
        "def reward(number, next_number, first_number, next_twice, next_both):\n"
        "    return 0.5 * number + next_number * first_number + next_twice + next_both[:, 1] / 3\n",
        "batched",
    ),
    "per_transition": (
        {"lengths": [3]},
        [{"name": "step", "source": "obs[2]"}, {"name": "place", "source": "obs[1:3]"}],
        "def reward(step, next_place, action):\n    if step > 1:\n        return {'a': 1.0, 'b': 0.0}\n"
        "    return {'a': float(next_place[0]), 'b': -abs(action[0])}\n",
        "per_transition",
    ),
    "discrete": (
        {"lengths": [3], "discrete": True},
        [{"name": "step", "source": "obs[2]"}],
        "def reward(step, action, prev_action):\n"
        "    return {'same': action == prev_action, 'pick': np.array([0.1, 0.2, 0.4])[action]}\n",
        "batched",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_export_stands_alone(form: str, tmp_path: Path) -> None:
    kwargs, fields, source, style = FORMS[form]
    spec = {
        "goal": "count", "env": {"id": "env.py:Counter", "kwargs": kwargs}, "fields": fields,
        "fitness": {"source": "native_return"},
    }  # fmt: skip
    from rewardsmith.task.parsing import parse_spec

    toy_envs.copy_to(tmp_path)
    (tmp_path / "fields.py").write_text(FIELDS_PY)
    task = Task("toy", parse_spec(spec, "toy"), tmp_path)
    source = "import numpy as np\n\n" + source
    verdict = Verdict("accepted", entries={"reward": entry_of(source)}, style=style)  # type: ignore[arg-type]
    text = reward_module(task, CheckedProgram.of(source, verdict), FACTS)
    (tmp_path / "reward.py").write_text(text)
    rng = np.random.default_rng(0)
    discrete = kwargs.get("discrete")
    actions = [
        int(rng.integers(3)) if discrete else rng.uniform(-1, 1, 2).astype(np.float32)
        for _ in range(14)
    ]
    same(
        said_alone(tmp_path / "reward.py", task, actions, "Counter"),
        said_by_host(source, task, actions, style),
    )
    assert (source in text) and ("LOW, HIGH" in text) == (form == "dict")


# -------------------------------------------------------------------------------------------------
# one whole run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("run")
    write_task(folder / "line")
    tape = {
        "model": "hand",
        "replies": [{"round": 0, "sample": 0, "text": f"```python\n{LINE}```"}],
    }
    (folder / "tape.json").write_text(json.dumps(tape))
    options = {"rounds": 1, "samples": 1, "seeds": 1}
    return rs.design(
        str(folder / "line"), replies=folder / "tape.json", options=options, report_seeds=1, steps=256,
        runs=folder / "runs", workers=2,
    )  # fmt: skip


def random_pushes(count: int) -> list[Any]:
    return list(np.random.default_rng(1).uniform(-1, 1, (count, 1)).astype(np.float32))


def test_the_reward_of_a_run(run: Any, tmp_path: Path) -> None:
    folder = run.export(tmp_path / "mine.py")
    assert {file.name for file in folder.iterdir()} == {
        "mine.py", "mine.json", "mine_policy.zip", "mine_vecnormalize.pkl",
    }  # fmt: skip
    facts = json.loads((folder / "mine.json").read_text())
    assert (
        facts["policy"]["sha256"]
        == hashlib.sha256((folder / "mine_policy.zip").read_bytes()).hexdigest()
    )
    assert 'VecNormalize.load("mine_vecnormalize.pkl"' in (folder / "mine.py").read_text()
    task, actions = run.folder.task(), random_pushes(25)
    alone = said_alone(folder / "mine.py", task, actions, "LineWorld")
    host = said_by_host(LINE, task, actions)
    same(
        alone[:10], host[:10]
    )  # then the task's time limit, which the bare class does not have, ends the episode
    facts = json.loads((folder / "mine.json").read_text())
    assert (
        facts["program"] == run.best.id
        and facts["gamma"] == 0.95
        and facts["fitness"]["report"]["mean"] is not None
    )


def test_one_environment_by_hand(run: Any) -> None:
    """rs.RewardWrapper gives the same as the exported wrapper."""
    sys.path.insert(0, str(run.folder.export_folder))
    try:
        import reward as exported  # the file of the run
    finally:
        sys.path.pop(0)
        sys.modules.pop("reward", None)
    task = run.folder.task()
    program = rs.load_program(
        run.folder.export_folder.parent / "programs" / run.best.id / "program.py", task
    )
    envs: list[gym.Env[Any, Any]] = [
        rs.RewardWrapper(bare(task), program),
        exported.RewardWrapper(bare(task)),
    ]
    said: list[list[Any]] = [[], []]
    for env, found in zip(envs, said, strict=True):
        env.reset(seed=4)
        for action in random_pushes(25):
            _, reward, terminated, truncated, info = env.step(action)
            found.append([reward, info["reward_terms"], info["native_reward"]])
            if terminated or truncated:
                env.reset()
    same(*said)
    program.close()


def bare(task: Task) -> gym.Env[Any, Any]:
    from rewardsmith.task.environment import make_env

    return make_env(task)


def test_the_policy_loads_and_acts_as_it_was_measured(run: Any) -> None:
    facts = json.loads((run.folder.export_folder / "reward.json").read_text())
    task = run.folder.task()
    trial = run.folder.trial_folder(run.best.id, facts["policy"]["rung"], facts["policy"]["seed"])
    job = TrialJob.model_validate_json((trial / "job.json").read_text())
    result = TrialResult.model_validate_json((trial / "result.json").read_text())
    base = make_vec_env(task, job.evaluation.episodes, 0)
    venv = VecNormalize.load(str(run.folder.export_folder / "vecnormalize.pkl"), base)
    assert not venv.training
    model = PPO.load(run.folder.export_folder / "policy.zip", device="cpu")
    venv.seed(derived_seed("evaluation", job.rung, job.seed))
    _, episodes = play_episodes(
        lambda obs: chosen_actions(model, venv, obs, job.evaluation.deterministic), venv, base
    )
    measure = fitness_function(task)
    assert [measure(episode).value for episode in episodes] == result.fitness
    assert float(np.mean(result.fitness)) == facts["fitness"][job.rung]["by_seed"][str(job.seed)]


def test_the_policy_acts_in_plain_stable_baselines(run: Any) -> None:
    venv = VecNormalize.load(
        str(run.folder.export_folder / "vecnormalize.pkl"),
        DummyVecEnv([lambda: bare(run.folder.task())]),
    )
    model = PPO.load(run.folder.export_folder / "policy.zip", env=venv, device="cpu")
    obs = venv.reset()
    for _ in range(12):
        obs, _, _, _ = venv.step(model.predict(obs, deterministic=True)[0])  # type: ignore[arg-type]
    model.learn(32)


SCRIPT = """
import sys
import numpy as np
import rewardsmith as rs
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

task = rs.load_task(sys.argv[1])
program = rs.load_program(sys.argv[2], task)
venv = rs.VecReward(rs.make_vec_env(task, 4, 0), program, gamma=0.99)
small = {"n_steps": 16, "batch_size": 32, "n_epochs": 1, "gamma": 0.99, "device": "cpu"}
model = PPO("MlpPolicy", VecNormalize(venv, gamma=0.99), **small)
model.learn(256)
print(len(venv.take_finished()), venv.term_names)
"""


def test_a_script_of_the_user(run: Any, tmp_path: Path) -> None:
    program = run.folder.export_folder.parent / "programs" / run.best.id / "program.py"
    (tmp_path / "mine.py").write_text(SCRIPT)
    words = [sys.executable, "mine.py", str(run.folder.export_folder.parent / "task"), str(program)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert found.returncode == 0, found.stderr
    count, _, names = found.stdout.strip().partition(" ")
    assert int(count) >= 20 and names == "['gain', 'calm', 'end']"


def test_mistakes_of_the_user(run: Any, tmp_path: Path) -> None:
    task = load_task(run.folder.path / "task")
    for text, message in [
        ("def reward(positon):\n    return positon\n", "refused"),
        ("x = 1\n", "refused"),
    ]:
        (tmp_path / "p.py").write_text(text)
        with pytest.raises(rs.UsageError, match=message):
            rs.load_program(tmp_path / "p.py", task)
    with pytest.raises(rs.UsageError, match="cannot read"):
        rs.load_program(tmp_path / "none.py", task)
    with pytest.raises(rs.RunError, match="cannot be imported"):
        run.export(tmp_path / "my-reward.py")
