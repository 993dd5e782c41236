"""Commands that spend nothing: help, lists, plans, prompts; and the output of errors and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import rewardsmith
from rewardsmith.cli import command as command_module
from rewardsmith.cli.app import app
from rewardsmith.cli.command import CommandOutput, guarded
from rewardsmith.cli.complete import result_names, run_names, strategy_names, task_names
from rewardsmith.cli.values import pairs, training_changes
from rewardsmith.errors import BoundaryError, RewardsmithError, RunError, UsageError
from tests.support import lineworld
from tests.support.command_line import (
    ANSI,
    COMMAND,
    GOOD,
    MISSPELT,
    call,
    environment,
    only_json,
    refused,
    write_replies,
)

COMMANDS = ["design", "demo", "resume", "show", "list", "export", "check", "train", "strategies"]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize(
    "name", [*COMMANDS, "tasks list", "tasks show", "tasks new", "prompts show"]
)
def test_every_command_has_help_and_the_common_options(name: str) -> None:
    done = CliRunner().invoke(
        app, [*name.split(), "--help"], env={"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
    )
    assert done.exit_code == 0
    for option in ("--json", "--quiet", "--verbose", "--debug"):
        assert option in done.stdout


def test_an_unknown_command_gets_a_suggestion() -> None:
    done = invoke("desing", "mountain-car")
    assert done.exit_code == 2
    assert "design" in done.stderr


def test_a_setting_that_is_on_can_be_switched_off() -> None:
    assert "exploits" in invoke("design", "acrobot", "--dry-run").stdout
    assert "exploits" not in invoke("design", "acrobot", "--dry-run", "--no-exploit-search").stdout


def test_an_unknown_option_is_a_usage_error() -> None:
    assert invoke("list", "--jsn").exit_code == 2


def test_python_m_is_the_same_program(tmp_path: Path) -> None:
    done = call(tmp_path, "strategies", "--json")
    assert done.returncode == 0
    told = {found["name"]: found for found in only_json(done)}
    assert {"calm", "card", "eager", "eureka", "evolve", "qshape", "text2reward"} <= set(told)


def test_strategies_tell_their_options_with_defaults() -> None:
    done = invoke("strategies")
    assert "rounds=3" in done.stdout and "number of rounds" in done.stdout


def test_tasks_are_listed_and_shown() -> None:
    assert "mountain-car" in [
        row["name"] for row in json.loads(invoke("tasks", "list", "--json").stdout)
    ]
    assert (
        json.loads(invoke("tasks", "show", "mountain-car", "--json").stdout)["env"]["id"]
        == "MountainCar-v0"
    )
    assert "MountainCar-v0" in invoke("tasks", "show", "mountain-car").stdout


def test_a_task_whose_packages_are_missing_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lander() -> dict[str, object]:
        rows = json.loads(invoke("tasks", "list", "--json").stdout)
        return next(row for row in rows if row["name"] == "lunar-lander")

    monkeypatch.setitem(sys.modules, "Box2D", None)  # as if it were not installed
    monkeypatch.setenv("COLUMNS", "200")
    assert lander()["missing"] == ["Box2D"]
    install = 'pip install "rewardsmith[box2d]"'
    assert install in invoke("tasks", "list").stdout
    done = invoke("prompts", "show", "lunar-lander")
    assert done.exit_code == 2 and "needs Box2D" in done.stderr and install in done.stderr


def test_a_task_is_drafted_without_a_goal_and_then_asks_for_one(tmp_path: Path) -> None:
    folder = tmp_path / "cart"
    done = invoke("tasks", "new", "CartPole-v1", "-o", str(folder), "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["folder"] == str(folder)
    refusal = invoke("tasks", "show", str(folder))
    assert refusal.exit_code == 2
    assert "goal" in refusal.stderr


def test_a_draft_is_never_written_over_a_task(tmp_path: Path) -> None:
    assert (
        invoke("tasks", "new", "CartPole-v1", "--goal", "Stand.", "-o", str(tmp_path)).exit_code
        == RunError.exit_code
    )


def test_the_list_of_no_runs(tmp_path: Path) -> None:
    assert json.loads(invoke("list", "--runs", str(tmp_path), "--json").stdout) == []
    done = invoke("list", "--runs", str(tmp_path))
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no runs" in done.stderr


def test_a_damaged_run_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{", encoding="utf-8")
    assert (
        "damaged"
        in json.loads(invoke("list", "--runs", str(tmp_path), "--json").stdout)[0]["status"]
    )


def test_a_dry_run_tells_the_plan_and_leaves_nothing(tmp_path: Path) -> None:
    replies = write_replies(tmp_path / "replies.json", GOOD, MISSPELT)
    runs = tmp_path / "runs"
    arguments = [
        "design",
        "mountain-car",
        "--replies",
        str(replies),
        "--rounds",
        "1",
        "--samples",
        "2",
        "--dry-run",
    ]
    plan = json.loads(invoke(*arguments, "--runs", str(runs), "--json").stdout)
    assert (plan["requests_at_most"], plan["trainings_at_most"]) == (4, 4 + 12 + 2 * 20 + 5 * 3)
    assert (
        plan["training_steps_at_most"] == 59.75 * 81_920
    )  # 80,000 asked for; PPO finishes its rollout of 16 x 128; exploiters take a quarter
    shown = invoke(*arguments, "--runs", str(runs)).stdout
    assert "20 for the report (at most 2 times), at most 15 short ones" in " ".join(shown.split())
    assert not runs.exists()


def test_check_tells_findings_speed_and_terms(tmp_path: Path) -> None:
    task, file = lineworld.write_task(tmp_path / "line"), tmp_path / "reward.py"
    file.write_text(GOOD.strip("`").removeprefix("python\n"), encoding="utf-8")
    told = json.loads(
        invoke("check", str(file), "--task", str(task), "--runs", str(tmp_path), "--json").stdout
    )
    assert (
        told["accepted"]
        and told["style"] == "batched"
        and set(told["terms"]) == {"progress", "place"}
    )
    assert told["ranges"] is None
    text = invoke("check", str(file), "--task", str(task), "--runs", str(tmp_path)).stdout
    assert "accepted" in text and "us per transition" in text and "random mean" in text


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("def reward(positon):\n    return positon\n", "RS108"),
        ("def q_prior(position, action):\n    return position * action[:, 0]\n", "RS401"),
    ],
)
def test_check_of_a_refused_program_ends_with_5(tmp_path: Path, source: str, code: str) -> None:
    task, file = lineworld.write_task(tmp_path / "line"), tmp_path / "reward.py"
    file.write_text(source, encoding="utf-8")
    done = invoke("check", str(file), "--task", str(task))
    assert done.exit_code == 5
    assert code in done.stdout
    trained = invoke("train", str(file), "--task", str(task), "--runs", str(tmp_path / "runs"))
    assert trained.exit_code == 2 and code in trained.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("sign", "suspected"), [("", False), ("-", True)])
def test_check_of_a_prior_tells_how_it_orders_actions(
    tmp_path: Path, sign: str, suspected: bool
) -> None:
    """Random walkers that got further went right more often; the native reward is not reported."""
    task, file = lineworld.write_task(tmp_path / "line", discrete=True), tmp_path / "prior.py"
    text = (
        (task / "task.toml")
        .read_text(encoding="utf-8")
        .replace('algorithm = "PPO"', 'algorithm = "DQN"')
    )
    (task / "task.toml").write_text(text, encoding="utf-8")
    values = f"{sign}0.1 * np.stack([position - 1, position, position + 1], axis=1)"
    source = f"import numpy as np\n\n\ndef q_prior(position):\n    return {values}\n"
    file.write_text(source, encoding="utf-8")
    done = invoke("check", str(file), "--task", str(task), "--runs", str(tmp_path))
    assert done.exit_code == 0, done.stdout
    assert (
        "prior on Q, better episodes" in done.stdout
        and "rank agreement with fitness" not in done.stdout
    )
    assert ("RS510" in done.stdout) == suspected


def test_check_of_an_environment_needs_no_goal(tmp_path: Path) -> None:
    file = tmp_path / "reward.py"
    file.write_text(
        "def reward(next_pole_angle):\n    return -next_pole_angle**2\n", encoding="utf-8"
    )
    assert invoke("check", str(file), "--task", "CartPole-v1").exit_code == 0


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -c 10; exit "${PIPESTATUS[0]}"', "bash", *COMMAND, "tasks", "show", "mountain-car"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr


# ------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("m", "h"), 2),
        (RunError("m", "h"), 3),
        (BoundaryError("m", "h", where="trainer"), 4),
    ],
)
def test_errors_are_printed_on_stderr_and_as_json(
    error: RewardsmithError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        raise error

    assert guarded(CommandOutput(json=True, quiet=True), work) == code
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "error": {"type": type(error).__name__, "message": "m", "hint": "h", "exit_code": code}
    }
    assert told.err == "error: m\nhint: h\n"


def test_brackets_in_an_error_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise UsageError("[fitness] source = 'info[\"x\"]'", "[/red]")

    assert guarded(CommandOutput(), work) == 2
    assert capsys.readouterr().err == "error: [fitness] source = 'info[\"x\"]'\nhint: [/red]\n"


def test_a_bug_is_named_as_ours(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise ZeroDivisionError("oops")

    assert guarded(CommandOutput(json=True), work) == 1
    told = capsys.readouterr()
    assert "Traceback" in told.err and "bug in rewardsmith" in told.err
    assert json.loads(told.out)["error"]["exit_code"] == 1


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise UsageError("m")

    assert guarded(CommandOutput(debug=True), work) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_tells_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise KeyboardInterrupt

    assert (
        guarded(CommandOutput(quiet=True, resume_hint="rewardsmith resume x"), work)
        == command_module.INTERRUPTED
    )
    assert "rewardsmith resume x" in capsys.readouterr().err


def test_json_holds_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    CommandOutput().emit({"a": float("nan")})
    assert json.loads(capsys.readouterr().out) == {"a": None}


# ------------------------------------------------------------------------------------------------------- settings


def test_pairs_are_json_where_they_can_be() -> None:
    assert pairs(["a=2", "b=1e-3", "c=true", "d=text", "e=x=y"]) == {
        "a": 2,
        "b": 1e-3,
        "c": True,
        "d": "text",
        "e": "x=y",
    }
    for wrong in ("rounds", "=2"):
        with pytest.raises(UsageError):
            pairs([wrong])


def test_changes_of_training_find_their_place() -> None:
    texts = [
        "training.learning_rate=1e-3",
        "n_envs=8",
        "training.policy_kwargs.net_arch=[8]",
        "hyperparameters.gamma=0.9",
    ]
    assert training_changes(texts) == {
        "n_envs": 8,
        "hyperparameters": {
            "learning_rate": 1e-3,
            "policy_kwargs": {"net_arch": [8]},
            "gamma": 0.9,
        },
    }
    with pytest.raises(UsageError, match=r"\[training\] only"):
        training_changes(["evaluation.episodes=3"])


def test_completion_knows_tasks_runs_and_strategies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "line-eureka-0a1b2c3d").mkdir(parents=True)
    (tmp_path / "runs" / "line-eureka-0a1b2c3d" / "run.json").touch()
    assert "mountain-car" in task_names("mount")
    (tmp_path / "runs" / "train-line-0a100000").mkdir()
    (tmp_path / "runs" / "train-line-0a100000" / "train.json").touch()
    assert run_names("line") == run_names("0a1") == ["line-eureka-0a1b2c3d"]
    assert result_names("0a1") == ["line-eureka-0a1b2c3d", "train-line-0a100000"]
    assert strategy_names("eu") == ["eureka"]


def test_the_shell_asks_for_completions(tmp_path: Path) -> None:
    words = "rewardsmith tasks show mountain"
    asked = {"_REWARDSMITH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
    script = "import sys; sys.argv[0] = 'rewardsmith'; from rewardsmith.cli import main; main()"
    done = subprocess.run(
        [COMMAND[0], "-c", script],
        cwd=tmp_path,
        env=environment(**asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "mountain-car-continuous" in done.stdout, done.stderr


def test_no_colours_where_there_is_no_terminal(tmp_path: Path) -> None:
    for arguments in (["tasks", "list"], ["tasks", "show", "mountain-car"], ["strategies"]):
        assert not ANSI.search(call(tmp_path, *arguments).stdout)


def test_without_a_key_the_plan_says_that_no_model_is_used(tmp_path: Path) -> None:
    done = call(tmp_path, "design", "mountain-car", "--dry-run")
    assert done.returncode == 0 and "without a model" in done.stdout
    refused(
        call(tmp_path, "design", "mountain-car", "--price", "1,2"),
        2,
        says="is a setting of a model",
        hints="--model",
    )


def test_the_version_is_printed() -> None:
    done = invoke("--version")
    assert (done.exit_code, done.stdout) == (0, f"rewardsmith {rewardsmith.__version__}\n")
