"""Environments in files: with modules, data and packages beside them."""

from __future__ import annotations

import importlib
import shutil
import sys
import warnings
from pathlib import Path

import gymnasium as gym
import pytest

import rewardsmith as rs
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.folder import RunFolder
from rewardsmith.task.drafting import draft_task, task_from_env
from rewardsmith.task.environment import guarded_reset, make_env
from rewardsmith.task.loading import Task, load_task
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design, recorded, the_run

TRACK = """\
from pathlib import Path

import gymnasium as gym
import numpy as np

{imports}


class Track(gym.Env):
    \"\"\"A car on a track.\"\"\"

    def __init__(self, length=None):
        self.length = LENGTH if length is None else length
        self.observation_space = gym.spaces.Box(-10.0, 10.0, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(3)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.v, self.t = 0.0, 0.0, 0
        return np.array([self.x, self.v], np.float32), {{}}

    def step(self, action):
        {late}
        self.t += 1
        self.x, self.v = advance(self.x, self.v, int(action) - 1)
        done = self.x >= self.length
        seen = np.array([self.x, self.v], np.float32)
        return seen, float(done), done, self.t >= 20, {{"is_success": done}}


def make_track(length=2.0):
    return Track(length)
"""
PHYSICS = """\
def advance(x, v, push):
    v = max(-1.0, min(1.0, v + {force} * push))
    return max(-10.0, min(10.0, x + v)), v
"""
MAP = 'LENGTH = float((Path(__file__).parent / "maps" / "track.txt").read_text())'
FORWARD = "def reward(obs, next_obs):\n    return {'forward': next_obs[:, 0] - obs[:, 0]}\n"
KINDS = {
    "a sibling": ("env.py", "from physics import advance\nLENGTH = 5.0", "pass"),
    "a relative import": ("env.py", "from .physics import advance\nLENGTH = 5.0", "pass"),
    "a late import": ("env.py", "LENGTH = 5.0", "from physics import advance"),
    "data": ("env.py", f"from physics import advance\n{MAP}", "pass"),
    "a package": ("cars/env.py", "from .physics import advance\nLENGTH = 5.0", "pass"),
    "a package by its name": ("cars/env.py", "from cars.physics import advance\nLENGTH = 5.0", "pass"),
    "a package with data": ("cars/sub/env.py", f"from cars.physics import advance\n{MAP}", "pass"),
    "a package beside it": ("env.py", "from cars.physics import advance\nLENGTH = 5.0", "pass"),
    "a folder by its name": ("bare/env.py", "from bare.physics import advance\nLENGTH = 5.0", "pass"),
}  # fmt: skip


def lay_out(folder: Path, kind: str, force: float = 0.1) -> Path:
    """The environment of a kind, with everything that any of them needs; the path of its file."""
    name, imports, late = KINDS[kind]
    for place in ("", "cars", "cars/sub", "bare"):
        (folder / place / "maps").mkdir(parents=True, exist_ok=True)
        (folder / place / "maps" / "track.txt").write_text("5.0\n")
        (folder / place / "physics.py").write_text(PHYSICS.format(force=force))
    for place in ("cars", "cars/sub"):
        (folder / place / "__init__.py").write_text("")
    (folder / name).write_text(TRACK.format(imports=imports, late=late))
    return folder / name


def moved(task: Task) -> float:
    """Where a car is after one push."""
    env = make_env(task)
    guarded_reset(env, 0)
    return float(env.step(2)[0][0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_keeps_what_its_environment_needs(kind: str, tmp_path: Path) -> None:
    """The drafted folder works alone, and a frozen copy of it."""
    file = lay_out(tmp_path / "mine", kind)
    _, folder, _ = draft_task(f"{file}:Track", "Drive to the end.", tmp_path / "task")
    shutil.rmtree(tmp_path / "mine")
    assert rs.check(FORWARD, str(folder), runs=tmp_path).verdict.accepted
    load_task(folder).freeze(tmp_path / "frozen")
    shutil.rmtree(folder)
    assert moved(load_task(tmp_path / "frozen")) == pytest.approx(0.1)


def test_tasks_with_modules_of_the_same_name_do_not_mix(tmp_path: Path) -> None:
    tasks = [
        task_from_env(f"{lay_out(tmp_path / str(force), 'a sibling', force)}:Track", "Drive.")
        for force in (0.1, 0.2)
    ]
    assert [moved(task) for task in [*tasks, *tasks]] == pytest.approx([0.1, 0.2] * 2)


def test_only_what_is_imported_is_copied(tmp_path: Path) -> None:
    """A folder of other work is left where it is, unless the environment may read it by place."""
    file = lay_out(tmp_path / "mine", "a sibling")
    (tmp_path / "mine" / "notes.bin").write_bytes(b"0" * 100)
    _, folder, _ = draft_task(f"{file}:Track", "Drive.", tmp_path / "one")
    assert sorted(path.name for path in folder.rglob("*")) == [
        "env.py",
        "fitness.py",
        "physics.py",
        "task.toml",
    ]
    lay_out(tmp_path / "mine", "data")
    runs = tmp_path / "mine" / "runs" / "one"
    for left_out in (runs, tmp_path / "mine" / "__pycache__", tmp_path / "mine" / ".git"):
        left_out.mkdir(parents=True, exist_ok=True)
        (left_out / "run.json").write_text("{}")
    _, folder, _ = draft_task(f"{file}:Track", "Drive.", tmp_path / "two")
    copied = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"maps/track.txt", "notes.bin", "cars/physics.py"} <= copied
    assert not any("run.json" in path for path in copied)


def test_a_folder_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = lay_out(tmp_path / "mine", "data")
    monkeypatch.setattr("rewardsmith.task.files._MOST_BYTES", 3000)
    (tmp_path / "mine" / "checkpoint.bin").write_bytes(b"0" * 3000)
    with pytest.raises(UsageError, match=r"more than can be copied.*checkpoint.bin") as caught:
        draft_task(f"{file}:Track", "Drive.", tmp_path / "task")
    assert "a folder of its own" in caught.value.hint


def test_a_failing_import_names_the_users_own_file(tmp_path: Path) -> None:
    file = lay_out(tmp_path / "mine", "a sibling")
    file.write_text("import no_such_module\n" + file.read_text())
    with pytest.raises(BoundaryError, match="no_such_module") as caught:
        draft_task(f"{file}:Track", "Drive.", tmp_path / "task")
    assert str(file) in caught.value.hint and file.is_file()


def test_a_function_may_make_it(tmp_path: Path) -> None:
    file = lay_out(tmp_path / "mine", "a sibling")
    task, folder, _ = draft_task(f"{file}:make_track", "Drive.", tmp_path / "task")
    assert task.env_id == "env.py:make_track" and moved(load_task(folder)) == pytest.approx(0.1)


def test_a_run_is_resumed_with_the_files_that_it_began_with(tmp_path: Path) -> None:
    """Without a task folder: the run keeps the copy, and later changes do not reach it."""
    file = lay_out(tmp_path / "mine", "data")
    task = task_from_env(f"{file}:Track", "Drive to the end.")
    digest = task.digest
    text = f"```python\n{FORWARD}```"
    replies = recorded([{"round": 0, "sample": 0, "text": text}])
    run = design(task, tmp_path, replies=replies, options={"rounds": 1, "samples": 1, "seeds": 1})
    shutil.rmtree(tmp_path / "mine")
    kept = load_task(RunFolder(run.path).task_folder)
    assert kept.digest == digest and moved(kept) == pytest.approx(0.1)
    assert the_run(tmp_path).resume(executor=FakeExecutor()).best is not None


def test_a_task_hides_no_module_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late imports of the environment find its files, after those that the user's script finds."""
    task = task_from_env(f"{lay_out(tmp_path / 'mine', 'a late import')}:Track", "Drive.")
    monkeypatch.delitem(sys.modules, "physics")
    (tmp_path / "physics.py").write_text("here = 'mine'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module("physics").here == "mine"
    monkeypatch.delitem(sys.modules, "physics")
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(tmp_path)])
    assert moved(task) == pytest.approx(0.1)


def test_a_package_that_turns_warnings_into_errors_changes_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = "import warnings\n\nwarnings.filterwarnings('error', 'of our libraries')\n"
    line = "from tests.support.lineworld import LineWorld\n"
    registers = (
        "import gymnasium as gym\ngym.register('Strict-v0', entry_point='strict:LineWorld')\n"
    )
    (tmp_path / "strict.py").write_text(strict + line + registers)
    (tmp_path / "mine.py").write_text(strict + line)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(warnings.filters)
    for env_id in ("strict:Strict-v0", f"{tmp_path / 'mine.py'}:LineWorld"):
        make_env(task_from_env(env_id, "Walk right.", fitness="native_return")).close()
        assert list(warnings.filters) == before
    gym.registry.pop("Strict-v0")
    monkeypatch.delitem(sys.modules, "strict")
