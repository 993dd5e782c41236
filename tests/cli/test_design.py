"""A whole design from the command line in seconds, and all commands that read its run."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rewardsmith.run.folder import RunFolder
from tests.support import lineworld
from tests.support.command_line import (
    ANSI,
    COMMAND,
    GOOD,
    MISSPELT,
    call,
    environment,
    only_json,
    quick_design,
    refused,
    write_replies,
)


class Finished(NamedTuple):
    """A finished design: its folder, the call, and its run."""

    folder: Path
    done: subprocess.CompletedProcess[str]
    run: str

    @property
    def path(self) -> Path:
        return self.folder / "runs" / self.run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One design, without a terminal, which the other tests read."""
    folder = tmp_path_factory.mktemp("finished")
    task = lineworld.write_task(folder / "line")
    done = call(
        folder, *quick_design("line", write_replies(folder / "replies.json", GOOD, MISSPELT))
    )
    assert done.returncode == 0, done.stderr
    assert task.exists()
    return Finished(folder, done, next((folder / "runs").iterdir()).name)


def test_progress_is_plain_lines_on_stderr(finished: Finished) -> None:
    told = finished.done.stderr
    assert not ANSI.search(told + finished.done.stdout)
    ended = ("round 1 sample 1: program", "refused, RS108", "selection seed 0: fitness")
    for words in ("at most", "2 to 4 requests", *ended):
        assert words in told, told
    assert "warning:" not in told


def test_the_summary_on_stdout_compares_with_the_native_reward(finished: Finished) -> None:
    told = finished.done.stdout
    assert "over 2 seeds; the native reward, same steps:" in told
    assert "paired by seed" in told
    assert f"runs/{finished.run}/export/reward.py" in told
    assert (finished.path / "export" / "reward.py").is_file()
    assert f"rewardsmith show {finished.run}" in told
    assert "round" not in told.partition("best")[0]  # nothing of the progress


def test_show_tells_programs_trainings_and_the_best_source(finished: Finished) -> None:
    told = call(finished.folder, "show", finished.run).stdout
    for words in ("done", "Reach the right end", "RS108", "own return", "spent", '"progress": 5.0'):
        assert words in told, told
    record = only_json(call(finished.folder, "show", finished.run.rpartition("-")[2], "--json"))
    assert record["status"] == "done" and record["best"]["fitness"]["seeds"] == 2
    assert [program["accepted"] for program in record["programs"]] == [True, False]
    assert {trial["rung"] for trial in record["trials"]} == {"selection", "report"}
    assert record["best"]["difference"]["seeds"] == 2
    assert "progress" in record["source"]


def test_list_names_the_run(finished: Finished) -> None:
    assert finished.run in call(finished.folder, "list").stdout
    rows = only_json(call(finished.folder, "list", "--json"))
    assert [(row["run"], row["status"]) for row in rows] == [(finished.run, "done")]


def test_export_to_a_path(finished: Finished, tmp_path: Path) -> None:
    told = only_json(
        call(finished.folder, "export", finished.run, "-o", str(tmp_path / "mine.py"), "--json")
    )
    assert Path(told["reward"]).is_file() and (tmp_path / "mine.json").is_file()


def test_check_shows_the_terms_on_trained_behaviour(finished: Finished) -> None:
    program = finished.path / "export" / "reward.py"
    source = finished.folder / "mine.py"
    source.write_text(
        json.loads(call(finished.folder, "show", finished.run, "--json").stdout)["source"], "utf-8"
    )
    assert program.is_file()
    told = only_json(call(finished.folder, "check", "mine.py", "--task", "line", "--json"))
    assert told["ranges"]["source"] == finished.run
    assert set(told["ranges"]["terms"]) == {"progress", "place"}
    text = call(finished.folder, "check", "mine.py", "--task", "line", "--run", finished.run).stdout
    assert "recorded mean" in text and finished.run in text


def test_the_first_request_is_the_one_that_prompts_show(finished: Finished) -> None:
    shown = only_json(call(finished.folder, "prompts", "show", "line", "--json"))
    first = json.loads((finished.path / "llm.jsonl").read_text("utf-8").splitlines()[0])["request"]
    assert shown["system"] == first["system"]
    assert shown["messages"] == [
        {"role": said["role"], "text": said["content"]} for said in first["messages"]
    ]


def test_resume_of_a_finished_run_spends_nothing(finished: Finished) -> None:
    before = only_json(call(finished.folder, "show", finished.run, "--json"))["spent"]
    done = call(finished.folder, "resume", finished.run, "--json", "-q")
    assert done.returncode == 0, done.stderr
    assert only_json(done)["spent"]["steps"] == before["steps"]
    assert not done.stderr


def test_a_run_in_use_is_left_alone(finished: Finished) -> None:
    with RunFolder(finished.path).lock():
        done = call(finished.folder, "resume", finished.run)
        rows = only_json(call(finished.folder, "list", "--json"))
    refused(done, 3, says="in use by process", hints="wait")
    assert rows[0]["status"] == "running"


def test_a_corrupt_event_is_named(finished: Finished, tmp_path: Path) -> None:
    copy = tmp_path / "runs" / finished.run
    shutil.copytree(finished.path, copy)
    lines = (copy / "events.jsonl").read_text("utf-8").splitlines(keepends=True)
    (copy / "events.jsonl").write_text("".join([*lines[:2], "{broken\n", *lines[2:]]), "utf-8")
    refused(
        call(tmp_path, "resume", finished.run),
        3,
        says="line 3 is not a JSON object",
        hints="restore it",
    )
    refused(call(tmp_path, "show", finished.run), 3, says="line 3", hints="restore it")


def test_an_unknown_run_gets_a_suggestion(finished: Finished) -> None:
    refused(
        call(finished.folder, "show", finished.run[1:-1]),
        3,
        says="there is no run",
        hints=finished.run,
    )


def test_train_compares_with_the_native_reward(finished: Finished) -> None:
    (finished.folder / "own.py").write_text(
        "def reward(next_position):\n    return next_position\n", "utf-8"
    )
    arguments = [
        "train",
        "own.py",
        "--task",
        "line",
        "--seeds",
        "2",
        "--native",
        "--set",
        "n_steps=8",
    ]
    done = call(finished.folder, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    told = only_json(done)
    assert told["fitness"]["seeds"] == told["native"]["seeds"] == told["difference"]["seeds"] == 2
    assert Path(finished.folder / told["folder"]).is_dir()
    rows = only_json(call(finished.folder, "list", "--json"))
    assert [(row["kind"], row["status"]) for row in rows] == [("run", "done"), ("train", "done")]
    shown = only_json(call(finished.folder, "show", "last", "--json"))
    assert told.items() <= shown.items() and "next_position" in shown["source"]
    text = call(finished.folder, "show", rows[1]["run"]).stdout
    assert "over 2 seeds" in text and "return next_position" in text and "policy.zip" in text
    refused(
        call(finished.folder, "resume", rows[1]["run"]),
        2,
        says="is the result of rewardsmith train, expected a run",
        hints="rewardsmith show",
    )
    done = call(finished.folder, "compare", finished.run, "last")
    assert done.returncode == 0, done.stderr
    assert "training settings" in done.stdout and "differ: hyperparameters" in done.stdout
    table = done.stdout.splitlines()
    assert table[0].split() == [finished.run, rows[1]["run"]], "a column for each run"
    assert table[2].startswith("fitness") and table[2].count("[") == 2, "one line for each measure"


# ------------------------------------------------------------------------------------------------------- Ctrl-C


def begun(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(there: Any, seconds: float = 600.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def children_of(parent: int) -> list[int]:
    """Its living child processes; none without /proc."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z" and int(fields[1]) == parent:
                found.append(int(entry.name))
    return found


@pytest.fixture
def interrupted(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A design that was interrupted during its trainings."""
    lineworld.write_task(tmp_path / "line")
    arguments = quick_design("line", write_replies(tmp_path / "replies.json", GOOD, MISSPELT))
    process = begun(tmp_path, *arguments, "--steps", "6000", "--json")
    try:
        until(lambda: list(tmp_path.glob("runs/*/programs/*/trials/*/curve.csv")))
        yield process, tmp_path
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_design_is_followed_on_a_page(tmp_path: Path) -> None:
    lineworld.write_task(tmp_path / "line")
    design = quick_design("line", write_replies(tmp_path / "replies.json", GOOD, MISSPELT))
    process = begun(tmp_path, *design, "--watch")
    assert process.stderr is not None
    page = next(line for line in process.stderr if line.startswith("page: "))
    with urllib.request.urlopen(page.removeprefix("page: ").strip()) as answer:
        assert "Under way" in answer.read().decode()
    _, err = process.communicate()
    assert process.returncode == 0, err


def test_watch_serves_a_page_until_it_is_interrupted(finished: Finished) -> None:
    process = begun(finished.folder, "watch", finished.run)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(url) as answer:
            assert finished.run in answer.read().decode()
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    assert process.returncode == 130 and "Ctrl-C ends the page, not the run" in err


@pytest.mark.slow
def test_an_interrupt_ends_at_once_and_the_run_goes_on(
    interrupted: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = interrupted
    run = next((folder / "runs").iterdir()).name
    children = children_of(process.pid)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)  # one or two seconds where nothing else runs
    assert process.returncode == 130, err
    assert f"continue with: rewardsmith resume {run}" in err
    assert "Traceback" not in err
    assert json.loads(out)["error"]["hint"] == f"rewardsmith resume {run}"
    if children:
        until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    shown = only_json(call(folder, "show", run, "--json"))
    assert shown["status"] == "interrupted"
    done = call(folder, "resume", run, "--json", timeout=800)
    assert done.returncode == 0, done.stderr
    assert only_json(done)["best"]["rung"] == "report"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_libraries_load_ends_soon(
    tmp_path: Path, number: signal.Signals
) -> None:
    lineworld.write_task(tmp_path / "line")
    process = begun(
        tmp_path, *quick_design("line", write_replies(tmp_path / "replies.json", GOOD, MISSPELT))
    )
    until(lambda: list(tmp_path.glob("runs/*/lock")))
    time.sleep(0.3)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130, err
    assert "rewardsmith resume" in err


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [((), True), (("--fitness", "native_return"), False), (("--yes",), False)],
)
def test_a_run_judged_by_the_native_reward_is_confirmed_on_a_terminal(
    arguments: tuple[str, ...], asked: bool, tmp_path: Path
) -> None:
    """The answer is no: nothing is run. Where nothing is asked, the run is refused later."""
    leader, follower = pty.openpty()
    os.write(leader, b"n\n")
    command = [*COMMAND, "design", "CartPole-v1", "--goal", "Stay up.", "--replies", "none.md"]
    (tmp_path / "none.md").write_text("no program")
    done = subprocess.run(
        [*command, "-O", "rounds=1", "-O", "samples=1", "-O", "repairs=0", *arguments],
        cwd=tmp_path,
        env=environment(),
        stdin=follower,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(leader)
    os.close(follower)
    assert ("Success is measured by the environment's own reward" in done.stderr) == asked
    assert (tmp_path / "runs").exists() != asked, done.stderr
