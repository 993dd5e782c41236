"""Programs in every form that the host accepts give the same rewards in the exported module."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.api.export import module
from rewardsmith.api.export.example import example
from rewardsmith.api.export.module import program_in, reward_module
from rewardsmith.api.programs import trainable_program
from rewardsmith.api.wrapper import LoadedProgram, RewardWrapper, load_program
from rewardsmith.errors import RunError
from rewardsmith.program import EXPORT_FUNCTIONS, EXPORT_NAMES, CheckedProgram, Verdict
from rewardsmith.sandbox.static.entry_points import check_static
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.spec import EnvironmentSpec
from rewardsmith.train.vectors import make_vec_env
from tests.support.programs import TASKS, entries, task_of

FACTS: dict[str, Any] = {
    "task": "t", "environment": "MountainCarContinuous-v0", "goal": "go",
    "fitness": {"report": None, "selection": {"mean": 1.0}},
    "native_fitness": None, "written_by": "me", "program": "p", "run": "r", "gamma": 0.99,
    "training": {"algorithm": "PPO", "steps": 10},
}  # fmt: skip
FORMS = {
    "a constant between": """
def reward(position, gain=10.0, next_velocity=0.0):
    return {"a": gain * next_velocity + position}
""",
    "by name only": """
def reward(position, *, next_position):
    return {"a": next_position - position}
""",
    "by position only": """
def reward(position, /, next_position):
    return {"a": next_position - position}
""",
    "future import": """
from __future__ import annotations
def reward(position: Missing) -> Missing:
    return {"a": position}
""",
    "unknown annotations": """
import numpy as np
def reward(velocity: NDArray) -> Dict[str, NDArray]:
    return {"a": np.abs(velocity)}
""",
    "imports for annotations": """
import typing_extensions, numpy as np; from typing import Dict
from typing_extensions import (
    Tuple,
    Literal,
)
def reward(position) -> Dict[str, Tuple]:
    from typing_extensions import List; import typing
    x: List[int]
    return {"a": np.abs(position)}
""",
    "names of ours": """
gym = 3.0
def reward(action):
    return {"a": gym * action[:, 0]}
""",
}


def accepted(source: str, entries: Any) -> CheckedProgram:
    return CheckedProgram.of(source, Verdict("accepted", entries=entries, style="batched"))


def exported(program: LoadedProgram, path: Path) -> Any:
    task = load_task("mountain-car-continuous")
    path.write_text(reward_module(task, accepted(program.source, program.verdict.entries), FACTS))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_exported_file_can_be_loaded_again(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(FORMS["unknown annotations"])
    program = load_program(tmp_path / "program.py", "mountain-car-continuous")
    exported(program, tmp_path / "reward.py")
    again = load_program(tmp_path / "reward.py", "mountain-car-continuous")
    assert again.source.strip() == program.source.strip()
    program.close()
    again.close()


@pytest.mark.parametrize("form", FORMS)
def test_the_same_rewards(form: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(FORMS[form])
    program = load_program(tmp_path / "program.py", "mountain-car-continuous")
    try:
        wrapped = RewardWrapper(gym.make("MountainCarContinuous-v0"), program)
        alone = exported(program, tmp_path / "reward.py").RewardWrapper(
            gym.make("MountainCarContinuous-v0")
        )
        for env in (wrapped, alone):
            env.reset(seed=3)
        for action in np.linspace(-1, 1, 5, dtype=np.float32):
            expected, got = wrapped.step(np.array([action])), alone.step(np.array([action]))
            assert got[1] == pytest.approx(expected[1], abs=1e-12) and got[4] == expected[4]
    finally:
        program.close()


@pytest.mark.parametrize("corpus", ["good", "good_blind"])
def test_every_good_program_stands_in_its_file_as_it_was_checked(corpus: str) -> None:
    task = load_task("mountain-car-continuous")
    for entry in entries(corpus):
        report = check_static(entry["code"], tuple(TASKS[task_of(entry)][0]))
        if "reward" in report.entries:
            text = reward_module(task, accepted(entry["code"], report.entries), FACTS)
            assert module.statements(program_in(text)) == module.statements(entry["code"])


def test_every_name_that_a_file_binds_itself_is_reserved() -> None:
    template = Path(module.__file__).with_name("reward.py.j2").read_text(encoding="utf-8")
    bound = {
        name
        for pair in re.findall(
            r"^(?:import \w+ as (\w+)|(?:class|def) (\w+)|(\w+) = )", template, re.M
        )
        for name in pair
        if name
    }
    assert bound == set(EXPORT_NAMES) - {EXPORT_FUNCTIONS}


LINE = st.text(
    st.sampled_from("ab #=:\n\t\r\f\v\x1c\x85\u2028\u2029\ufeff\\'\"") | st.characters(),
    max_size=20,
)


@given(LINE, LINE, LINE)
def test_what_no_reader_sees_does_not_run(first: str, second: str, third: str) -> None:
    source = f"#{first}\nimport numpy as np\ndef reward(position):\n    x = position  #{second}\n    return x\n#{third}"
    report = check_static(source, ("position",))
    if report.ok:
        text = reward_module(
            load_task("mountain-car-continuous"), accepted(source, report.entries), FACTS
        )
        assert module.statements(program_in(text)) == module.statements(source)


def test_a_file_that_would_run_something_else_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = "def reward(position):\n    return position\n"
    entry = check_static(source, ("position",)).entries["reward"]
    others = (
        source + "x = 1\n",
        source.replace("return", "return -"),
        "",
        "import gymnasium as _gym\n" + source,
    )
    for changed in others:
        monkeypatch.setattr(module, "_to_stand_in_a_file", lambda _, changed=changed: changed)
        with pytest.raises(RunError, match="checked"):
            reward_module(
                load_task("mountain-car-continuous"), accepted(source, {"reward": entry}), FACTS
            )


def test_arguments_are_read_only_as_they_were_when_it_was_checked(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import numpy as np\ndef change(x):\n    x[...] = 7.0\n    return x\n"
        "def reward(position, action, terminated):\n    total = np.zeros(len(position))\n"
        "    for name, x in (('p', position), ('a', action), ('t', terminated)):\n        try:\n"
        "            total += change(x)\n        except ValueError:\n            total += position\n    return total\n"
    )
    program = load_program(tmp_path / "program.py", "mountain-car-continuous")
    program.close()
    alone = exported(program, tmp_path / "reward.py").RewardWrapper(
        gym.make("MountainCarContinuous-v0")
    )
    alone.reset(seed=3)
    before = alone._before["position"]
    assert alone.step(np.zeros(1))[1] == pytest.approx(3.0 * before)


MADE = """
import numpy as np
{example}
env.reset(seed=0)
env.step(env.action_space.sample())
print(env.observation_space.shape)
"""


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "door-key",
            "def subgoals(next_carrying_key):\n    return {'key': next_carrying_key > 0}\n",
        ),
        ("lava-gap-pixels", "def reward(next_agent_x):\n    return {'right': next_agent_x}\n"),
        ("cart-pole-swing-up", "def reward(action):\n    return {'calm': -np.abs(action[:, 0])}\n"),
    ],
)
def test_the_example_at_its_head_makes_the_environment_that_the_policy_saw(
    name: str, source: str, tmp_path: Path
) -> None:
    task = load_task(name)
    (tmp_path / "program.py").write_text("import numpy as np\n" + source)
    checked = trainable_program(tmp_path / "program.py", task)
    (tmp_path / "reward.py").write_text(
        reward_module(task, checked, {**FACTS, "environment": task.env_id})
    )
    head = ast.get_docstring(ast.parse((tmp_path / "reward.py").read_text())) or ""
    lines = head.partition("The policy that")[0].splitlines()
    example = "\n".join(line.strip() for line in lines if line.startswith("    "))
    (tmp_path / "mine.py").write_text(MADE.format(example=example))
    path = os.pathsep.join([str(tmp_path), str(task.folder)])
    words = [sys.executable, "mine.py"]
    found = subprocess.run(
        words,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=800,
    )
    assert found.returncode == 0, found.stderr
    seen = make_vec_env(task, 1, 0).observation_space
    wanted = (
        (seen.shape[0] + 1,) if name == "door-key" else seen.shape
    )  # beside what it sees: whether it is done
    assert found.stdout.strip() == str(wanted)


def test_an_example_is_python_whatever_things_are_called() -> None:
    task = load_task("cart-pole-swing-up")
    env = {
        "id": "sub/my-env.py:RewardWrapper",
        "kwargs": {
            "limit": float("inf"),
            "render-mode": "x",
            "path": "a\\b",
            "of": {"it's": [1, (2,)]},
        },
        "max_episode_steps": 7,
        "wrappers": ["one:Wrap", "other:Wrap", "one:Wrap", "here.py:env"],
    }
    other = Task(
        task.name,
        task.spec.model_copy(update={"env": EnvironmentSpec.model_validate(env)}),
        task.folder,
    )
    lines = example(other, "reward", shows_subgoals=True)
    tree = ast.parse("\n".join(lines))
    bound = [
        alias.asname or alias.name
        for n in tree.body
        if isinstance(n, ast.ImportFrom)
        for alias in n.names
    ]
    assert len(bound) == len(set(bound)) and {
        "Wrap",
        "Wrap_",
        "env_",
        "RewardWrapper",
        "ShowSubgoals",
    } <= set(bound)
    worn = [line for line in lines if line.startswith("env = ")][1:]
    names = ("Wrap", "Wrap_", "Wrap", "env_", "ShowSubgoals")
    limited = "env = TimeLimit(env, max_episode_steps=7)"
    assert worn == [limited, *(f"env = {name}(env)" for name in names)]
    assert any(line.startswith("RewardWrapper_ = ") for line in lines)
