"""design --ask, ask, tell, --replay and --dry-run, as a user or a coding agent types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import GOOD, MISSPELT, call, refused
from tests.support.fake_llm import FakeLLM
from tests.support.lineworld import write_task

QUICK = [
    "-O",
    "rounds=1",
    "-O",
    "seeds=1",
    "--steps",
    "256",
    "--report-seeds",
    "1",
    "--workers",
    "2",
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asking")
    write_task(folder / "line")
    return folder


def json_of(folder: Path, *words: str) -> dict[str, Any]:
    done = call(folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_agent_designs_a_reward_by_json_alone(here: Path) -> None:
    asked = json_of(here, "design", "line", "--ask", *QUICK)
    question, run = asked["question"], asked["run"]
    assert question["slot"] == [0, 0, 0] and "next_position" in question["text"]
    assert json_of(here, "ask", run)["question"] == question

    (here / "first.md").write_text(MISSPELT)
    told = json_of(here, "tell", run, "first.md", "--by", "an agent")
    assert (
        not told["accepted"]
        and told["findings"][0].startswith("RS108")
        and told["question"]["slot"] == [0, 0, 1]
    )

    (here / "second.md").write_text(GOOD)
    told = json_of(here, "tell", run, "second.md")
    assert told["accepted"] and told["score"]["seeds"] == 1 and told["question"] is None
    assert told["ended"] == "all rounds are done"
    assert json_of(here, "ask", run)["best"]["program"] == told["program"]
    refused(call(here, "tell", run, "second.md"), 3, says="waits for no reply", hints="show")

    replayed = json_of(here, "design", "--replay", run)
    assert [entry["program"] for entry in replayed["programs"]] == [
        entry["program"] for entry in json_of(here, "show", run)["programs"]
    ]


def test_the_question_is_on_stdout_and_the_instructions_on_stderr(here: Path) -> None:
    begun = call(here, "design", "line", "--ask", *QUICK, "--runs", "mine")
    assert begun.returncode == 0, begun.stderr
    assert (
        begun.stdout.startswith("You design reward functions")
        and "Write the reward." in begun.stdout
    )
    (run,) = (here / "mine").iterdir()
    assert f"rewardsmith tell mine/{run.name} FILE" in begun.stderr
    (listed,) = json_of(here, "list", "--runs", "mine")
    assert listed["status"] == "waiting"
    shown = call(here, "show", str(run)).stdout
    assert "waiting" in shown and f"continue with: rewardsmith ask mine/{run.name}" in shown
    assert call(here, "ask", str(run)).stdout == begun.stdout
    (here / "reply.md").write_text(GOOD)
    told = call(here, "tell", str(run), "reply.md")
    assert told.returncode == 0, told.stderr
    assert "Agents were trained under this program" in told.stdout and "fitness" in told.stdout


@pytest.mark.parametrize(
    ("words", "says", "hints"),
    [
        (["design"], "no task was given", "tasks list"),
        (["design", "line", "--by-position"], "--by-position needs --replay RUN", "leave it out"),
        (["design", "line", "--replay", "x"], "--replay takes its settings", "leave it out"),
        (
            ["design", "line", "--ask", "--model", "openai/x"],
            "expected one writer, found --model and --ask",
            "one of",
        ),
        (
            ["design", "line", "--model", "openai/x", "--price", "2"],
            "expected two prices",
            "--price 2,10",
        ),
        (["design", "line", "--model", "openai/x", "--effort", "huge"], "effort", "found"),
    ],
)
def test_what_does_not_go_together(here: Path, words: list[str], says: str, hints: str) -> None:
    refused(call(here, *words), 2, says=says, hints=hints)


def test_a_dry_run_prints_low_and_high_without_a_request(here: Path) -> None:
    with FakeLLM() as fake:
        model = ["--model", "openai/gpt-6-sol", "--base-url", fake.url + "/v1", "--price", "2,10"]
        found = json_of(here, "design", "line", "--dry-run", *model, "--budget-usd", "0.5")
        assert fake.requests == [] == fake.looked_up
    expected = found["expected"]
    assert (expected["calls"]["low"], expected["calls"]["high"]) == (12, 36)
    assert 0 < expected["usd"]["low"] < expected["usd"]["high"] == 0.5
    assert 0 < expected["tokens"]["low"] < expected["tokens"]["high"]
    assert 0 < expected["minutes"]["low"] < expected["minutes"]["high"]
    assert expected["steps"]["high"] == found["training_steps_at_most"]
    assert (
        json_of(here, "design", "line", "--dry-run", "--model", "openai/no-such")["expected"]["usd"]
        is None
    )


def test_an_unknown_model_is_an_error_before_a_run_is_made(here: Path) -> None:
    with FakeLLM(models=["qwen3:8b"]) as fake:
        given = ["--model", "ollama/qwen4:8b", "--base-url", fake.url + "/v1", "--runs", "none"]
        refused(
            call(here, "design", "line", *given, "-q"),
            2,
            says="no model 'qwen4:8b'",
            hints="qwen3:8b",
        )
        assert fake.requests == [] and not (here / "none").exists()
