"""The worker server: what a call leaves behind neither delays nor outlives it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.engine.workers.executor import Call
from tests.support.hosts import alive, needs_proc, until
from tests.support.places import ROOT

SERVER = """
import ctypes, multiprocessing, os, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import rewardsmith.engine.workers.server as worker

def helper(call):
    how, note = call.arguments["how"], call.arguments["note"]
    if how == "fork":
        process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(6000,), daemon=True)
        process.start()
        pid = process.pid
    elif how == "fork of C":  # no hook of Python's runs in it
        pid = ctypes.CDLL(None).fork()
        if pid == 0:
            ctypes.CDLL(None).sleep(6000)
            os._exit(0)
    else:
        pid = subprocess.Popen(["sleep", "6000"]).pid
    Path(note).write_text(str(pid))

def helper_then_killed(call):
    helper(call)
    os.kill(os.getpid(), 9)

def long_answer(call):
    raise ValueError("x" * 300_000)

worker.CALLS = {f.__name__: f for f in (helper, helper_then_killed, long_answer)}
worker.Server(worker.Machine(cores=1)).serve()
"""


@contextmanager
def serving() -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-c", SERVER, str(ROOT)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        yield server
        assert server.stdin is not None
        server.stdin.close()


def answer(server: subprocess.Popen[bytes], call: str, log: Path, **arguments: str) -> Any:
    assert server.stdin is not None and server.stdout is not None
    described = Call(call, log.parent, (), (), log.name, arguments=arguments)
    message = {"id": 1, "call": described.to_json()}
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


@needs_proc
@pytest.mark.parametrize("how", ["fork", "fork of C", "exec"])
def test_a_helper_that_a_call_left_behind_holds_nothing_up_and_ends(
    how: str, tmp_path: Path
) -> None:
    with serving() as server:
        note = tmp_path / "pid"
        assert answer(server, "helper", tmp_path / "log", how=how, note=str(note))["error"] is None
        first = int(note.read_text())
        assert until(lambda: not alive(first))
        if how != "fork of C":  # one that the call did not live to end still holds the pipe
            died = answer(server, "helper_then_killed", tmp_path / "log", how=how, note=str(note))
            assert "SIGKILL" in died["error"]["message"]
            second = int(note.read_text())
            assert second != first and until(lambda: not alive(second))
        assert len(answer(server, "long_answer", tmp_path / "log")["error"]["message"]) > 300_000


def test_a_log_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """A trainer may write to the folder of its trial, which will contain the log of the next call."""
    events, log = tmp_path / "events.jsonl", tmp_path / "out.log"
    events.write_text("")
    log.symlink_to(events)
    with serving() as server:
        assert answer(server, "long_answer", log)["error"] is not None
    assert events.read_text() == ""
