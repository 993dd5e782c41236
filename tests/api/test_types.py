"""What editors and type checkers see of the library: names and types."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rewardsmith as rs
from tests.support.places import ROOT

CONFIG = """
[mypy]
strict = True
[mypy-torch.*,stable_baselines3.*,scipy.*,openai.*,anthropic.*,matplotlib.*,pandas.*]
follow_imports = skip
"""

RIGHT = """
import gymnasium as gym
import rewardsmith as rs

task: rs.Task = rs.load_task("mountain-car")
plan: rs.Plan = rs.plan(task, model="openai/some", options={"rounds": 2}, training={"n_envs": 4})
calls: float = rs.estimate(plan, workers=2).calls.high
run: rs.Run = rs.design("mountain-car", "Reach the flag.", budget=rs.Budget(usd=2.0), workers=2)
best: rs.Best = run.best
score: rs.Interval = best.score
search: rs.Search = rs.Search.begin(task, runs="runs")
question = search.ask()
if question is not None:
    told: rs.TellResult = search.tell(question.text)
again: rs.Run = run.resume(budget={"usd": 4.0}).replay(runs="again")
rows: list[rs.ComparedRun] = run.compare(again)
known: str = run.say("Swing less.", program=best.id)
found: rs.Check = rs.check(best.source, task)
level: str = rs.doctor().sandbox.level
names: list[str] = [one.name for one in rs.strategies()]
program: rs.LoadedProgram = rs.load_program("reward.py", task)
try:
    env = rs.RewardWrapper(gym.make(task.env_id), program)
except rs.ProgramError as error:
    line: int = error.line
venv = rs.VecReward(rs.make_vec_env(task, 16, seed=0), program, gamma=0.99)
result: rs.TrainResult = rs.train_program("reward.py", task, needs=rs.Resources(gpus=0.25))
"""

WRONG = """
import rewardsmith as rs

run = rs.design(3)  # expect arg-type
run = rs.design("mountain-car", modle="x")  # expect call-arg
run = rs.design("mountain-car", steps="many")  # expect arg-type
run = rs.design("mountain-car", budget=2.0)  # expect arg-type
run.bset  # expect attr-defined
rs.desing  # expect attr-defined
run.best.score + 1.0  # expect operator
run.resume(buget={"usd": 4.0})  # expect call-arg
rs.resume(run)  # expect attr-defined
rs.check(5, "mountain-car")  # expect arg-type
rs.load_program("reward.py")  # expect call-arg
rs.train_program("reward.py", "mountain-car", seeds="5")  # expect arg-type
rs.Search.begin("mountain-car").ask().text  # expect union-attr
"""


@pytest.mark.slow
def test_mypy_finds_the_mistakes_of_a_script(tmp_path: Path) -> None:
    scripts = {"right.py": RIGHT, "wrong.py": WRONG, "mypy.ini": CONFIG}
    for name, text in scripts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=mypy.ini", "right.py", "wrong.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    found = re.findall(r"^(\S+\.py):(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    planted = [
        ("wrong.py", str(number), code)
        for number, text in enumerate(WRONG.splitlines(), 1)
        for code in re.findall(r"# expect ([\w-]+)", text)
    ]
    assert sorted(found) == sorted(planted), done.stdout + done.stderr


def test_type_checkers_and_python_know_the_same_names() -> None:
    tree = ast.parse((ROOT / "rewardsmith" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if ast.unparse(node).startswith("if TYPE_CHECKING:"))
    typed = {
        str(alias.asname): str(statement.module)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert sorted(typed) == rs.__all__
    for name, module in typed.items():
        assert getattr(rs, name) is getattr(importlib.import_module(module), name), name
    assert (ROOT / "rewardsmith" / "py.typed").exists()
