"""Plugins: what the package in docs/plugins.md adds works like our own; it adds one of each kind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, call, environment
from tests.support.lineworld import write_task

PAGE = ROOT / "docs" / "plugins.md"


def blocks() -> dict[str, str]:
    """The files of the page: name -> content. Each block's first line names its file."""
    found = re.findall(r"```\w*\n# ([\w./-]+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    return dict(found)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder in which the package lies as installers leave it."""
    import tomllib

    site, files = tmp_path / "site", blocks()
    points = tomllib.loads(files.pop("pyproject.toml"))["project"]["entry-points"]
    for name, content in files.items():
        path = site / name.removeprefix("src/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    write_task(site / "my_rewards" / "tasks" / "my-line")
    info = site / "my_rewards-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-rewards\nVersion: 1.0\n")
    sections = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items())
        for group, names in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(sections))
    return site


def test_a_run_with_everything_from_another_package(tmp_path: Path, site: Path) -> None:
    path = os.pathsep.join([str(ROOT), str(site)])
    names = json.loads(call(tmp_path, "strategies", "--json", PYTHONPATH=path).stdout)
    assert "once" in json.dumps(names)
    done = call(
        tmp_path, "design", "my-line", "--model", "echo/any", "--strategy", "once", "--set", "algorithm=MYPPO",
        "--report-seeds", "1", "--workers", "1", "--json", PYTHONPATH=path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    config = json.loads((run / "run.json").read_text())["config"]
    assert (config["strategy"], config["model"], config["task"]) == ("once", "echo/any", "my-line")
    assert "progress" in (run / "export" / "reward.py").read_text()
    job = json.loads(next(run.glob("programs/*/trials/selection-*/job.json")).read_text())
    assert job["training"]["algorithm"] == "MYPPO"


def test_an_executor_of_another_package(tmp_path: Path, site: Path) -> None:
    path = os.pathsep.join([str(ROOT), str(site)])
    program = "def reward(next_position):\n    return {'place': next_position}\n"
    (tmp_path / "program.py").write_text(program)
    done = call(
        tmp_path, "train", "program.py", "--task", "my-line", "--executor", "elsewhere", "--seeds", "1",
        "--steps", "64", "--json", PYTHONPATH=path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    (trial,) = run.glob("programs/*/trials/*")
    names = {file.name for file in trial.iterdir()}
    assert {"curve.csv", "progress.json", "result.json", "out.log", "export.log"} <= names
    assert str(tmp_path) not in (trial / "job.json").read_text()
    assert (run / "export" / "policy.zip").exists()


NOVELTY = """
[[training.terms]]
kind = "novelty"
weight = 0.1
payload = { field = "position" }
"""


def test_a_term_and_a_trainer_of_another_package(tmp_path: Path, site: Path) -> None:
    path = os.pathsep.join([str(ROOT), str(site)])
    assert NOVELTY in PAGE.read_text(encoding="utf-8")
    task = site / "my_rewards" / "tasks" / "my-line" / "task.toml"
    task.write_text(task.read_text() + NOVELTY)
    program = "def reward(next_position):\n    return {'place': next_position}\n"
    (tmp_path / "program.py").write_text(program)
    words = ["train", "program.py", "--task", "my-line", "--seeds", "2", "--steps", "64", "--json"]

    def trained(name: str, *more: str) -> list[Path]:
        done = call(tmp_path, *words, "--runs", name, *more, PYTHONPATH=path)
        assert done.returncode == 0, done.stderr
        return sorted((tmp_path / name).glob("*/programs/*/trials/*"))

    for folder in trained("sb3"):
        header, *rows = (folder / "curve.csv").read_text().splitlines()
        assert header.endswith("term/place,term/novelty")
        assert all(float(row.rpartition(",")[2]) > 0 for row in rows if row.split(",")[2] != "0")
        job = json.loads((folder / "job.json").read_text())
        assert [(term["kind"], term["weight"]) for term in job["reward"]] == [
            ("program", 1.0),
            ("novelty", 0.1),
        ]
    folders = trained("search", "--set", "trainer=random-search")
    assert len(folders) == 2
    for folder in folders:
        result = json.loads((folder / "result.json").read_text())
        report = json.loads((folder / "trained.json").read_text())
        assert result["status"] == "finished" and report["checkpoints"] == [result["checkpoint"]]
        assert len((folder / "curve.csv").read_text().splitlines()) > 2
    assert sum((folder / "out.log").exists() for folder in folders) == 2  # each is evaluated alone
    assert len({(folder / "result.json").read_text() for folder in folders}) == 2


def test_an_unknown_trainer_is_refused_before_anything_is_spent(tmp_path: Path, site: Path) -> None:
    path = os.pathsep.join([str(ROOT), str(site)])
    done = call(
        tmp_path, "design", "my-line", "--model", "echo/any", "--set", "trainer=random-serch",
        PYTHONPATH=path,
    )  # fmt: skip
    assert done.returncode == 2 and "no trainer 'random-serch'" in done.stderr, done.stderr
    assert "random-search" in done.stderr


def test_errors_about_plugins_are_like_our_own(tmp_path: Path, site: Path) -> None:
    path = os.pathsep.join([str(ROOT), str(site)])
    done = call(tmp_path, "design", "my-lime", PYTHONPATH=path)
    assert done.returncode == 2 and "my-line" in done.stderr
    done = call(tmp_path, "design", "my-line", "--set", "algorithm=MYPPOO", PYTHONPATH=path)
    assert (
        done.returncode == 2 and "no algorithm 'MYPPOO'" in done.stderr and "MYPPO" in done.stderr
    )
    done = call(
        tmp_path,
        "design",
        "my-line",
        "--model",
        "echo/any",
        "--executor",
        "elswhere",
        PYTHONPATH=path,
    )
    assert done.returncode == 2 and "no executor 'elswhere'" in done.stderr
    assert "elsewhere" in done.stderr and not list((tmp_path / "runs").iterdir())
    (site / "my_rewards" / "provider.py").write_text("def (")
    done = call(tmp_path, "design", "my-line", "--model", "echo/any", PYTHONPATH=path)
    assert done.returncode == 2 and "provider 'echo' cannot be loaded: SyntaxError" in done.stderr


def test_the_package_tests_itself(tmp_path: Path, site: Path) -> None:
    path = os.pathsep.join([str(ROOT), str(site)])
    tests = site / "tests" / "test_my_rewards.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        cwd=tmp_path,
        env=environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d+ passed, \d+ skipped", done.stdout, re.MULTILINE), done.stdout
