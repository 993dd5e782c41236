"""Commands as models: real processes."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.llm.command import CommandProvider, prompt_text
from rewardsmith.llm.prices import prices_of
from rewardsmith.llm.protocol import Image, Message, Request, Usage
from rewardsmith.llm.providers import make_provider
from rewardsmith.testing import ProviderContract
from tests.support.crash_driver import TAPE
from tests.support.hosts import alive
from tests.support.line_runs import design
from tests.support.lineworld import write_task

ECHO = "import sys; sys.stdout.write(sys.stdin.read())"


def command(code: str) -> str:
    """The model that is a Python program."""
    return f"command/{shlex.join([sys.executable, '-c', code])}"


def asked(model: str, *messages: Message) -> Request:
    return Request(model, "Write a reward.", messages or (Message("user", "Drive!"),))


class TestCommandProvider(ProviderContract):
    model = command(ECHO).partition("/")[2]
    unknown_model = "no-such-program-on-this-machine --flag"

    def provider(self) -> CommandProvider:
        return CommandProvider()


def test_the_prompt_is_the_input_and_the_reply_is_the_output() -> None:
    reply = CommandProvider().complete(asked(command(ECHO)), 60.0)
    assert reply.text == "Write a reward.\n\nDrive!\n"
    assert (reply.finish_reason, reply.usage, reply.cost_usd) == ("stop", Usage(), None)
    turns = Message("user", "Drive!"), Message("assistant", "Faster?"), Message("user", "Yes, ä.")
    reply = CommandProvider().complete(asked(command(ECHO), *turns), 60.0)
    assert reply.text == prompt_text(asked("command/x", *turns))
    assert "# User\n\nDrive!\n\n# Assistant\n\nFaster?\n\n# User\n\nYes, ä.\n" in reply.text


def test_it_runs_in_an_empty_folder_that_is_gone_afterwards() -> None:
    code = "import os; print(os.getcwd(), os.listdir())"
    folder, _, files = CommandProvider().complete(asked(command(code)), 60.0).text.partition(" ")
    assert files.strip() == "[]" and folder != os.getcwd() and not Path(folder).exists()


def test_a_failure_says_what_the_command_said_without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "planted-0123456789")
    code = "import os; raise SystemExit('not logged in: ' + os.environ['SOME_API_KEY'])"
    with pytest.raises(BoundaryError, match=r"status 1: not logged in: \[secret\]") as found:
        CommandProvider().complete(asked(command(code)), 60.0)
    assert found.value.where == "provider" and not found.value.retryable
    with pytest.raises(BoundaryError, match="no-such-program cannot be started"):
        CommandProvider().complete(asked("command/no-such-program"), 60.0)
    with pytest.raises(BoundaryError, match="images"):
        picture = Message("user", "Look!", (Image("image/png", "aGk="),))
        CommandProvider().complete(asked(command(ECHO), picture), 60.0)


def test_after_the_time_limit_all_that_it_started_is_killed(tmp_path: Path) -> None:
    noted = tmp_path / "child"
    code = (
        "import pathlib, subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        f"pathlib.Path({str(noted)!r}).write_text(str(child.pid)); time.sleep(600)"
    )
    with pytest.raises(BoundaryError, match="no answer in 5 s") as found:
        CommandProvider().complete(asked(command(code)), 5.0)
    assert found.value.retryable
    if noted.exists():  # on a busy machine it may be killed before
        wait_for_end(int(noted.read_text()))


def test_an_interrupted_program_leaves_no_command_behind(tmp_path: Path) -> None:
    noted = tmp_path / "child"
    sleeping = (
        "import os, pathlib, time; "
        f"pathlib.Path({str(noted)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    code = (
        "import threading, time\n"
        "from rewardsmith.llm.command import CommandProvider\n"
        "from rewardsmith.llm.protocol import Message, Request\n"
        f"request = Request({command(sleeping)!r}, '', (Message('user', ''),))\n"
        "ask = lambda: CommandProvider().complete(request, 600.0)\n"
        "threading.Thread(target=ask, daemon=True).start()\n"
        "time.sleep(600)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while not (noted.exists() and noted.read_text()):
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    run.wait()
    wait_for_end(int(noted.read_text()))


def test_a_run_takes_its_programs_from_a_command(tmp_path: Path) -> None:
    code = f"print({next(iter(TAPE.values()))!r})"
    task = str(write_task(tmp_path / "line"))
    run = design(task, tmp_path, model=command(code), replies=None, options={"rounds": 1})
    assert run.state.requests >= 1 and run.state.tokens > 0, "tokens are estimated from the texts"
    assert run.best.source in next(iter(TAPE.values()))


def wait_for_end(pid: int) -> None:
    while alive(pid):
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("command:claude -p", "did you mean 'command/claude -p'"),
        ("command/", "provider/name"),
        ("command/say 'hello", "cannot be read: No closing quotation"),
        ("command/no-such-program -p", "there is no program 'no-such-program'"),
    ],
)
def test_what_is_no_command_is_refused_before_anything_runs(model: str, message: str) -> None:
    with pytest.raises(UsageError) as found:
        make_provider(model).check(model, 60.0)
    assert message in f"{found.value.message} {found.value.hint}"


def test_it_has_no_address_and_no_price() -> None:
    with pytest.raises(UsageError, match="no address"):
        make_provider("command/cat", base_url="http://localhost:1/v1")
    assert not prices_of("command/cat").known
    assert prices_of("command/cat", given=(1.0, 2.0)).known
