"""Errors before and during a run: one line with a hint, and the right exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import lineworld
from tests.support.command_line import (
    GOOD,
    MISSPELT,
    QUICK,
    call,
    only_json,
    quick_design,
    refused,
    write_replies,
)
from tests.support.fake_llm import FakeLLM
from tests.support.places import ROOT, SUPPORT

TINY = [
    "--set",
    "n_envs=2",
    "--set",
    "n_steps=16",
    "--set",
    "batch_size=32",
    "--set",
    "n_epochs=1",
    "--steps",
    "256",
]
SHORT = ["--report-seeds", "0"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with faulty environments, a good task and replies."""
    shutil.copy(SUPPORT / "envs.py", tmp_path / "envs.py")
    lineworld.write_task(tmp_path / "line")
    write_replies(tmp_path / "replies.json", GOOD, MISSPELT)
    return tmp_path


def design(here: Path, task: str, *more: str) -> subprocess.CompletedProcess[str]:
    return call(here, *quick_design(task, here / "replies.json"), *more)


BAD_TASKS = {
    "an unknown environment": (
        ["CartPol-v1", "--goal", "g"],
        2,
        "no environment 'CartPol-v1'",
        "CartPole-v1",
    ),
    "an unknown task": (["mountain-caar"], 2, "'mountain-caar'", "did you mean 'mountain-car'"),
    "a missing goal": (["CartPole-v1"], 2, "has no goal", "--goal"),
    "an unknown module": (
        ["nowhere:Env", "--goal", "g"],
        2,
        "no module 'nowhere'",
        "folder that holds it",
    ),
    "an unknown class": (["envs:Lin", "--goal", "g"], 2, "envs has no 'Lin'", "'Line'"),
    "a failing reset": (
        ["envs:FailsOnReset", "--goal", "g"],
        4,
        "the simulator is not running",
        "env.reset",
    ),
    "a failing step": (["envs:FailsInStep", "--goal", "g"], 4, "joint limit exceeded", "env.step"),
    "no measure of success": (
        ["envs:Unpaid", "--goal", "g"],
        2,
        "nothing measures success",
        "--fitness",
    ),
    "two agents": (["envs:Team", "--goal", "g"], 2, "multi-agent", "one agent"),
    "no gymnasium.Env": (
        ["envs:Game", "--goal", "g"],
        2,
        "returned a Game, not a gymnasium.Env",
        "derived from gymnasium.Env and calls it",
    ),
    "only pixels": (
        ["envs:Image", "--goal", "g"],
        2,
        "programs can read nothing",
        "[[fields]]",
    ),
    "an unknown fitness": (
        ["envs:Line", "--goal", "g", "--fitness", "score"],
        2,
        "[fitness] source = 'score' is not fitness.py:function",
        "def fitness(",
    ),
    "an unknown option": (["line", "-O", "round=2"], 2, "no option 'round'", "rounds"),
    "a wrong option": (["line", "-O", "rounds=many"], 2, "rounds", "many"),
    "an unknown strategy": (["line", "--strategy", "eurika"], 2, "no strategy 'eurika'", "eureka"),
    "an unknown hyper-parameter": (
        ["line", "--set", "learning_rat=1"],
        2,
        "no hyper-parameter",
        "learning_rate",
    ),
    "too small a budget": (["line", "--budget-steps", "100"], 2, "cannot pay", "--budget-steps"),
    "too few replies": (
        ["line", "--samples", "3"],
        2,
        "the file has no reply",
        "fewer rounds or samples",
    ),
    "replies and a model": (
        ["line", "--model", "openai/x"],
        2,
        "expected one writer, found --model and --replies",
        "one of",
    ),
    "a part that --set cannot change": (
        ["line", "--set", "evaluation.episodes=1"],
        2,
        "[training] only",
        "tasks new",
    ),
}


@pytest.mark.parametrize("case", BAD_TASKS)
def test_bad_tasks_and_settings(here: Path, case: str) -> None:
    arguments, code, says, hints = BAD_TASKS[case]
    done = design(here, *arguments)
    refused(done, code, says=says, hints=hints)
    assert "continue with" not in done.stderr


def test_an_environment_that_fails_is_found_by_a_dry_run_and_leaves_no_run(here: Path) -> None:
    source = (here / "envs.py").read_text(encoding="utf-8")
    call(here, "tasks", "new", "envs.py:Line", "--goal", "g", "-o", "own")
    fail = "def fail(self, action):\n    raise RuntimeError('broken')\n"
    (here / "own" / "envs.py").write_text(f"{source}\n{fail}\nLine.step = fail\n")
    refused(design(here, "own", "--dry-run"), 4, says="RuntimeError: broken", hints="env.step")
    assert not (here / "runs").exists()
    done = design(here, "own")
    refused(done, 4, says="RuntimeError: broken", hints="env.step")
    assert "continue with" not in done.stderr and not list((here / "runs").iterdir())


def test_a_key_that_the_first_request_shows_to_be_wrong_leaves_no_run(here: Path) -> None:
    with FakeLLM([GOOD], ["401: incorrect key"]) as fake:
        model = ["--model", "openai/fake", "--base-url", fake.url + "/v1", "--yes"]
        done = call(here, "design", "line", *model, *QUICK, "-O", "samples=1")
    assert done.returncode == 4 and "the key was refused" in done.stderr
    assert "continue with" not in done.stderr and not list((here / "runs").iterdir())
    assert not list(here.glob("runs/*")), "nothing was spent, so nothing is left"


def test_a_missing_extra_is_named(here: Path) -> None:
    (here / "hidden").mkdir()
    absent = 'raise ModuleNotFoundError("No module named \'Box2D\'", name="Box2D")\n'
    (here / "hidden" / "Box2D.py").write_text(absent, encoding="utf-8")
    path = os.pathsep.join([str(here / "hidden"), str(ROOT)])
    arguments = quick_design("LunarLander-v3", here / "replies.json")
    done = call(here, *arguments, "--goal", "Land.", PYTHONPATH=path)
    refused(done, 2, says="needs a package that is missing", hints="gymnasium[box2d]")


@pytest.mark.parametrize(
    ("model", "says", "hints"),
    [
        ("opnai/gpt", "no provider 'opnai'", "openai"),
        ("gpt-6-sol", "provider/name", "openai/gpt-6-sol"),
        ("openai/gpt-6-sol", "OPENAI_API_KEY is not set", "export"),
    ],
)
def test_models_that_cannot_be_asked(here: Path, model: str, says: str, hints: str) -> None:
    refused(call(here, "design", "line", "--model", model), 2, says=says, hints=hints)


@pytest.mark.parametrize(
    ("content", "says"), [("{}", "does not hold recorded replies"), (None, "cannot read")]
)
def test_replies_that_are_none(here: Path, content: str | None, says: str) -> None:
    if content is not None:
        (here / "bad.json").write_text(content, encoding="utf-8")
    refused(call(here, "design", "line", "--replies", "bad.json"), 2, says=says, hints="")


def test_a_runs_folder_that_cannot_be_made(here: Path) -> None:
    refused(
        design(here, "line", "--runs", "replies.json/runs"), 3, says="cannot write", hints="folder"
    )


def test_an_error_is_json_too(here: Path) -> None:
    done = design(here, "mountain-caar", "--json")
    assert done.returncode == 2
    assert only_json(done)["error"] == {
        "type": "UsageError",
        "message": "there is no task or environment 'mountain-caar'",
        "hint": "did you mean 'mountain-car' or 'mountain-car-continuous'?",
        "exit_code": 2,
    }


def test_a_program_that_cannot_be_read_or_is_none(here: Path) -> None:
    refused(
        call(here, "check", "nothing.py", "--task", "line"),
        2,
        says="cannot read nothing.py",
        hints="Python file",
    )
    refused(
        call(here, "train", "nothing.py", "--task", "line"),
        2,
        says="cannot read nothing.py",
        hints="Python file",
    )


def test_a_fitness_that_never_varies_is_warned_of_and_the_run_goes_on(here: Path) -> None:
    write_replies(
        here / "replies.json",
        "```python\ndef reward(next_obs):\n    return next_obs[:, 0]\n```",
        MISSPELT,
    )
    done = design(here, "envs:Constant", "--goal", "Walk.", *TINY, *SHORT, "--json")
    assert done.returncode == 0, done.stderr
    assert "warning: the fitness was 10 in all" in done.stderr
    assert "it cannot distinguish programs" in only_json(done)["warnings"][0]


def test_a_run_without_a_usable_program_ends_with_5(here: Path) -> None:
    write_replies(here / "replies.json", MISSPELT, "no idea")
    refused(design(here, "line"), 5, says="without a usable program", hints="RS108")
    rows = only_json(call(here, "list", "--json"))
    assert [row["status"] for row in rows] == ["no program"]


# ------------------------------------------------------------------------------------------------------- full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "left", [140_000, 300_000]
)  # where it is noticed: in the midst of the run or of a training
def test_a_full_disk_ends_the_run_and_space_lets_it_go_on(
    here: Path, small_disk: Path, left: int
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(8 * 2**20 - left))
    done = design(here, "line", "--runs", str(small_disk / "runs"))
    refused(done, 3, says="cannot write", hints="free some disk space")
    assert "continue with: rewardsmith resume" in done.stderr
    run = next((small_disk / "runs").iterdir())
    json.loads((run / "run.json").read_text(encoding="utf-8"))
    ballast.unlink()
    resumed = call(here, "resume", str(run))
    assert resumed.returncode == 0, resumed.stderr
    assert "native reward" in resumed.stdout
