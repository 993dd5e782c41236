"""Planted keys are in no file of a run, message, log or traceback, whatever fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import GOOD, QUICK, call
from tests.support.fake_llm import FakeLLM
from tests.support.lineworld import write_task

OPENAI, OTHER, PASSWORD = (
    "sk-proj-planted-0123456789abcdef",
    "tok-planted-9876543210",
    "planted-hush-hush",
)
VARIABLES = {
    "openai": {"OPENAI_API_KEY": OPENAI, "HF_TOKEN": OTHER, "DATABASE_PASSWORD": PASSWORD},
    "anthropic": {"ANTHROPIC_API_KEY": OPENAI, "HF_TOKEN": OTHER, "DATABASE_PASSWORD": PASSWORD},
}


def no_secret_in(folder: Path, *calls: subprocess.CompletedProcess[str]) -> None:
    for secret in (OPENAI, OTHER, PASSWORD):
        for done in calls:
            assert secret not in done.stdout + done.stderr
        holding = [
            path
            for path in folder.rglob("*")
            if path.is_file() and secret.encode() in path.read_bytes()
        ]
        assert not holding, holding


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_run_that_meets_every_failure_keeps_no_secret(tmp_path: Path, provider: str) -> None:
    write_task(tmp_path / "line")
    variables = VARIABLES[provider]
    echoes = [f"{status}: you sent {OPENAI} and {OTHER}" for status in ("429", "500", "529")]
    with FakeLLM(
        [GOOD], ["", *echoes, "garbage", "cut", f"401: incorrect key {OPENAI}, not {PASSWORD}"]
    ) as fake:
        url = fake.url + ("/v1" if provider == "openai" else "")
        model = ["--model", f"{provider}/fake", "--base-url", url]
        quick = [
            *QUICK,
            "-O",
            "samples=1",
            "-O",
            "rounds=2",  # a run whose first request is refused leaves no folder
            "--steps",
            "256",
            "--report-seeds",
            "1",
            "--yes",
            "--llm-at-once",
            "1",
        ]
        cut = call(tmp_path, "design", "line", *model, *quick, "--debug", "-v", **variables)
        assert (
            cut.returncode == 4
            and "the key was refused" in cut.stderr
            and "Traceback" in cut.stderr
        )
        assert "[secret]" in cut.stderr
        (run,) = (tmp_path / "runs").iterdir()
        done = call(tmp_path, "resume", run.name, "--json", **variables)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["spent"]["tokens"] > 0
        assert any(
            OPENAI in " ".join(request["headers"].values()) for request in fake.requests
        )  # it was really sent
    shown = call(tmp_path, "show", run.name, "-v", **variables)
    checked = call(tmp_path, "doctor", **variables)
    no_secret_in(tmp_path, cut, done, shown, checked)


def test_an_address_with_a_password_never_reaches_a_run(tmp_path: Path) -> None:
    write_task(tmp_path / "line")
    address = f"http://me:{PASSWORD}@127.0.0.1:9/v1"
    given = call(
        tmp_path, "design", "line", "--model", "openai/x", "--base-url", address, "--debug"
    )
    assert given.returncode == 2 and "holds a password" in given.stderr
    variables = {"OPENAI_BASE_URL": address, "OPENAI_API_KEY": OPENAI}
    unreachable = call(
        tmp_path, "design", "line", "--model", "openai/x", "--debug", "--yes", **variables
    )
    assert unreachable.returncode == 4 and "connection failed" in unreachable.stderr
    assert not (tmp_path / "runs").exists()
    no_secret_in(tmp_path, given, unreachable)
