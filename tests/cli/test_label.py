"""label as a user types it: models, ranked factors, and the page of several episodes."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import rewardsmith as rs
from tests.support.command_line import (
    COMMAND,
    GOOD,
    call,
    environment,
    only_json,
    refused,
    write_replies,
)
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.judges import fair
from tests.support.line_runs import design, the_run
from tests.support.lineworld import write_task


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("label")
    design(str(write_task(folder / "line")), folder, executor=FakeExecutor(varied=True))
    return folder


def labellers(folder: Path) -> set[str]:
    run: rs.Run = the_run(folder)
    return {one.by for one in run.state.known_judgements()}


@pytest.mark.parametrize(
    ("options", "says", "hints"),
    [
        (["--judge", "factors"], "belong together", "--factor fuel_used:low"),
        (["--factor", "position:high"], "belong together", "--judge factors"),
        (
            ["--judge", "factors", "--judge", "openai/a", "--factor", "position:high"],
            "without another judge",
            "for example",
        ),
        (["--judge", "factors", "--factor", "position"], "no direction", "NAME:high or NAME:low"),
        (["--judge", "openai/a", "--clips", "4"], "a judge compares pairs", "leave out --clips"),
        (["--votes", "3"], "--votes is about models", "--judge"),
        (
            ["--judge", "openai/a", "--votes", "3", "--temperature", "0"],
            "3 votes at temperature 0",
            "raise --temperature",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(
    here: Path, options: list[str], says: str, hints: str
) -> None:
    done = call(here, "label", "last", *options, OPENAI_API_KEY="not-a-key-at-all")
    refused(done, 2, says=says, hints=hints)


def test_factors_say_how_many_pairs_each_of_them_decided(here: Path) -> None:
    factors = ["--factor", "length:low", "--factor", "position:high:last"]
    words = ["label", "last", "--judge", "factors", *factors, "--pairs", "6"]
    done = call(here, *words)
    assert done.returncode == 0, done.stderr
    expected = "6 pairs answered (0 by length:low, 6 by position:high:last), 0 abstained"
    assert done.stdout.strip() == expected and "resume" in done.stderr
    report = only_json(call(here, *words, "--json"))
    assert report["decided"] == {"length:low": 0, "position:high:last": 6}
    assert report["cycles"] == 0 and "factors" in labellers(here)


def test_a_panel_is_measured_model_by_model(here: Path) -> None:
    words = ["label", "last", "--judge", "openai/a", "--judge", "openai/b", "--votes", "2"]
    with FakeLLM(fair) as fake:
        words += ["--pairs", "2", "--base-url", f"{fake.url}/v1"]
        done = call(here, *words, OPENAI_API_KEY="not-a-key-at-all")
        report = only_json(call(here, *words, "--json", OPENAI_API_KEY="not-a-key-at-all"))
    assert done.returncode == 0, done.stderr
    first, *members = done.stdout.splitlines()
    assert first.startswith(
        "2 pairs answered, 0 abstained; 100% of the models' answers about the same pair agree; "
    )
    measured = (
        "3 of 3 pairs with a known answer right; 50% of its preferences for the episode shown "
        "first (50% expected); 100% of its answers about the same pair agree"
    )
    assert members == [f"openai/{name}: {measured}" for name in "ab"]
    assert report["judge"] == "openai/a + openai/b" and report["judge"] in labellers(here)
    assert [one["model"] for one in report["members"]] == ["openai/a", "openai/b"]


def test_the_page_shows_several_episodes(here: Path) -> None:
    words = ["label", "last", "--clips", "4", "--by", "Ann", "--json"]
    with subprocess.Popen(
        [*COMMAND, *words], cwd=here, env=environment(), stdout=subprocess.PIPE, text=True
    ) as page:
        try:
            assert page.stdout is not None
            url = json.loads(page.stdout.readline())["url"]
            with urllib.request.urlopen(url + "question") as reply:
                assert len(json.load(reply)["steps"]) == 4
        finally:
            page.terminate()


def answered(url: str) -> int:
    """Say of every question that the left episode is better; returns the number of answers."""
    address, count = urlsplit(url), 0
    origin = {"Origin": f"http://{address.netloc}"}
    while True:
        with urllib.request.urlopen(f"{url}question") as reply:
            question = json.load(reply)
        if question["done"]:
            return count
        content = json.dumps({"place": question["place"], "choice": "first", "words": "higher"})
        asked = urllib.request.Request(f"{url}answer", content.encode(), origin)
        urllib.request.urlopen(asked).close()
        count += 1


def test_a_run_that_waits_for_answers_serves_the_page(tmp_path: Path) -> None:
    task = write_task(tmp_path / "line")
    texts = (GOOD, GOOD.replace("5.0", "-2.0"), GOOD.replace("5.0", "0.5"))
    replies = write_replies(tmp_path / "replies.json", *texts)
    options = ["-O", "rounds=1", "-O", "samples=3", "-O", "seeds=1"]
    command = [*COMMAND, "design", str(task), "--strategy", "icpl", *options]
    command += ["--replies", str(replies), "--report-seeds", "0"]
    said, pipes = "", {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, **pipes) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said += line
            if found := re.search(r"compare the films.*(http://\S+/)", line):
                assert answered(found[1]) == 3
    assert process.returncode == 0, said
    (run,) = rs.list_runs(tmp_path / "runs")
    state = run.state
    assert state.compared == {0: 3} and state.judges_decide and not state.asked
